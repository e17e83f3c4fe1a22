"""Say in plain words which Kafka the tests will run on, and have its classes ready for the fifty brokers to come."""

from ops.embedded.kafka_jars import missing_for_broker

missing = missing_for_broker()
if missing is None:
    print("The tests run on a real Kafka broker (Java and Maven are there).", flush=True)
    from ops.embedded.kafka_classes import ensure_class_archive

    ensure_class_archive(print)
else:
    print(f"NOTE: {missing}. The broker tests run on librdkafka's mock cluster instead;", flush=True)
    print("      those that only a real broker can answer are skipped, and pytest says which.", flush=True)
