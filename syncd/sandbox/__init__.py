"""Stand-ins for both vendors: state machines that behave as they do, for the demo, the tests and a merchant's rehearsal."""
