"""What an image costs: the free area, the tariff beyond it, and a quote made of both, each with the rule behind it."""
