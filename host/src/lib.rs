//! What both programs share that touches the operating system.
