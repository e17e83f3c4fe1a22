"""Publishing a file of customers: read rows, map columns to fields, derive ids, publish, write down each answer."""
