"""The whole daemon and both vendors in one process and in virtual time: what `syncd simulate` and the tests live through."""
