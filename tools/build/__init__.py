"""Build what ships, verify that it runs on Lambda, and list its contents."""
