"""Say which Kafka the tests will run on: a real broker where Java and Maven are there, else a mock cluster."""

import shutil

missing = [name for name in ("java", "mvn") if shutil.which(name) is None]
if missing:
    print(
        f"NOTE: {' and '.join(missing)} not found: the broker tests run on librdkafka's mock cluster, "
        "and those that need a real broker are skipped."
    )
else:
    print("Java and Maven found: the broker tests run on a real Kafka broker.")
