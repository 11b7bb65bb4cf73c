"""Networks and cores from other libraries, and to them."""
