"""All contenders: ours, what people write by hand, what other libraries do."""
