"""What proves who asks: tokens of logins, API keys and tokens of declarations, one resolver for all."""
