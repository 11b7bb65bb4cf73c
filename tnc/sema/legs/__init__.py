"""From resolved definitions to statements: primes, sums, dimensions."""
