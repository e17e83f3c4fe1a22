"""MongoDB's wire protocol over WiredTiger: SecantusDB, started as a program and never imported (it is GPL-2.0)."""

from __future__ import annotations

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from ops.embedded.program import Ports, Program, Say, Service, installed_program
from ops.private_files import private_folder, write_private


class Mongo(Program):
    """The document store; every commit is on the disk before it is acknowledged."""

    service = Service.MONGO
    kind = "secantusd"
    program = "secantusd-py"
    port_names = ("mongo",)
    _port: int

    @property
    def marker(self) -> str:
        """Its data folder."""
        return str(self.data)

    def prepare(self, ports: Ports, say: Say) -> None:  # noqa: ARG002
        """Make its folder and an empty settings file, so that it does not look for one in the user's folders."""
        private_folder(self.data)
        write_private(self.folder / "secantusd.toml", "")
        self._port = ports["mongo"]

    def command(self) -> list[str]:
        """See :class:`Program`."""
        return [
            installed_program(self.program),
            "--config", str(self.folder / "secantusd.toml"),
            "--host", "127.0.0.1",
            "--port", str(self._port),
            "--storage-path", self.marker,
            "--cache-size", "512M",
            "--log-level", "WARNING",
            "--sync-on-commit",
        ]  # fmt: skip

    def is_ready(self, ports: Ports) -> bool:
        """Whether it answers a ping."""
        client: MongoClient[dict[str, object]] = MongoClient(self.address(ports), serverSelectionTimeoutMS=1000)
        try:
            client.admin.command("ping")
        except PyMongoError:
            return False
        finally:
            client.close()
        return True

    def address(self, ports: Ports) -> str:
        """Its URI."""
        return f"mongodb://127.0.0.1:{ports['mongo']}/?directConnection=true"


class MongoInRust(Mongo):
    """The same project's server in Rust, six times as fast, for measuring and nothing else.

    Its unique indexes keep the entries of members that were unset, so that intakes are moved once and never again
    (docs/adr/0036-a-store-to-measure-on.md).
    """

    kind = program = "secantusd-rs"

    def prepare(self, ports: Ports, say: Say) -> None:
        """Say what it is not for."""
        say(f"the store is {self.program}: for measuring only")
        super().prepare(ports, say)
