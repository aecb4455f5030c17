//! Conformance: the guide as tests, the simulator, the transcripts.
