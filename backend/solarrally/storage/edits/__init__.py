"""What people and machines change over the API: one file an object, each change with its audit entry."""
