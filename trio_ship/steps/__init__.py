"""What is done to the ordered stream before it is encoded: batches in, batches out."""
