//! Finds the end of a head, parses it, decides how its body is framed.
