"""The Kafka edge: sealed envelope, topics, Faust app and agents, audit publisher, replies."""
