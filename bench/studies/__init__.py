"""Measurements of one question each: filters, a million rows, one shard, the planner's constants."""
