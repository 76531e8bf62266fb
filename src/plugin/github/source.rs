//! What GitHub sends: how its deliveries are known to be genuine and what they mean.
