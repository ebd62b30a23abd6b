"""The libraries that are measured, each with the same analysis of English as far as it has one."""
