"""The shapes of requests and answers, as they appear in OpenAPI."""
