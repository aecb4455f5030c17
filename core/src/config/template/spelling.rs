//! Did you mean: the nearest known name to one that is not known.

/// A name among `known` that differs in case or in at most two edits; `None` when none is near.
pub(super) fn nearest<'k>(name: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    if name.len() > NAME_LEN_COMPARED_MAX {
        return None;
    }
    let near = |candidate: &'k str| {
        if candidate.len().abs_diff(name.len()) > EDITS_MAX {
            return None;
        }
        let distance = if candidate.eq_ignore_ascii_case(name) { 0 } else { distance(name, candidate) };
        let allowed = EDITS_MAX.min(candidate.len() / 3);
        (distance <= allowed).then_some((distance, candidate))
    };
    known.into_iter().filter_map(near).min_by_key(|(distance, _)| *distance).map(|(_, candidate)| candidate)
}

/// `; did you mean X?`, or nothing.
pub(crate) fn suggestion<'k>(name: &str, known: impl IntoIterator<Item = &'k str>) -> String {
    nearest(name, known).map_or_else(String::new, |near| format!("; did you mean `{near}`?"))
}

const EDITS_MAX: usize = 3;

/// Longer names are not compared: comparing takes time in the product of both lengths.
const NAME_LEN_COMPARED_MAX: usize = 100;

/// Levenshtein's distance in bytes.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.bytes().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (cell, to) in row.iter_mut().skip(1).zip(b.bytes()) {
            let replaced = diagonal + usize::from(from != to);
            diagonal = *cell;
            left = replaced.min(left + 1).min(*cell + 1);
            *cell = left;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_levenshteins() {
        for (a, b, edits) in
            [("", "", 0), ("abc", "abc", 0), ("abc", "abd", 1), ("abc", "ac", 1), ("kitten", "sitting", 3)]
        {
            assert_eq!(distance(a, b), edits, "{a} {b}");
        }
    }

    #[test]
    fn near_names_are_suggested_and_far_ones_are_not() {
        let known = ["Protocol", "Port", "VpcId"];
        assert_eq!(nearest("Protocl", known), Some("Protocol"));
        assert_eq!(nearest("vpcid", known), Some("VpcId"));
        assert_eq!(nearest("Colour", known), None);
        assert_eq!(suggestion("Prt", known), "; did you mean `Port`?");
    }
}
