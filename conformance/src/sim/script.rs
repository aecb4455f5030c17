//! Tests of single behaviours, as transcripts.
