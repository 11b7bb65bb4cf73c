"""Networks, elaborated: statements executed, instances made, Programs built."""
