"""Generated weights inside PyTorch models."""
