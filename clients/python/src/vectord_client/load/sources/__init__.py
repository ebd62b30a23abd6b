"""Sources of rows: files of each format, on disk or in S3, and what a program has in memory."""
