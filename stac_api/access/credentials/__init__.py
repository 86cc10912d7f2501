"""What proves who is calling: login tokens, API keys and declaration tokens, with one resolver for all."""
