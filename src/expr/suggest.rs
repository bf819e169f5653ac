//! "Did you mean": the nearest of some names.

/// The candidate nearest to a misspelled name, unless all of them are too far off.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // One letter of three.
    let far = 0.34;
    candidates
        .into_iter()
        .map(|candidate| (distance(name, candidate), candidate))
        .filter(|(distance, _)| *distance <= far)
        // Of two that are as near, the one that has more of the name.
        .min_by(|(one, short), (two, long)| one.total_cmp(two).then(long.len().cmp(&short.len())))
        .map(|(_, candidate)| candidate)
}

/// 0 for the same, 1 for nothing in common. Case, `-` and `_` do not count.
fn distance(name: &str, candidate: &str) -> f64 {
    let plain = |text: &str| text.to_lowercase().replace(['-', '_', ' '], "");
    let (name, candidate) = (plain(name), plain(candidate));
    1.0 - strsim::normalized_damerau_levenshtein(&name, &candidate).max(shared(&name, &candidate))
}

/// A name that begins with the other, or ends with it, is near when it is not much longer.
fn shared(name: &str, candidate: &str) -> f64 {
    let (short, long) = if name.len() < candidate.len() { (name, candidate) } else { (candidate, name) };
    let within = short.len() >= 3 && (long.starts_with(short) || long.ends_with(short));
    if within { 0.75 } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_found_and_far_ones_are_not() {
        let names = ["email", "company_id", "shipping_address", "first_name"];
        assert_eq!(nearest("emial", names), Some("email"));
        assert_eq!(nearest("e-mail", names), Some("email"));
        assert_eq!(nearest("companyId", names), Some("company_id"));
        assert_eq!(nearest("onn", ["on", "do"]), Some("on"));
        assert_eq!(nearest("company_name", ["name", "company"]), Some("company"));
        assert_eq!(nearest("quantity", names), None);
        assert_eq!(nearest("x", []), None);
    }
}
