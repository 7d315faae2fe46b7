"""What stands in a record beside its stamp: severity and fields, as columns."""
