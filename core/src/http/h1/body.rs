//! Decodes and encodes bodies: by length, in chunks, or until the end.
