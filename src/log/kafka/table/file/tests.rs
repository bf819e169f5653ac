use super::*;

fn identity() -> Identity {
    Identity { cluster: "c".to_owned(), topic: "t".to_owned(), fenced: false }
}

fn renewed(directory: &Path) -> File {
    let (mut file, _) = File::open(directory, "t", &identity()).expect("file");
    assert_eq!(file.renew().expect("made").next, 0);
    file
}

fn state(next: u64) -> State {
    let last = Mark { offset: next - 1, time: Timestamp::UNIX_EPOCH, key: Bytes::from_static(b"k") };
    State { next, epoch: 3, fresh: Timestamp::UNIX_EPOCH, last: Some(last) }
}

fn put(file: &mut File, pairs: &[(&str, &str)], next: u64) {
    let pairs: Vec<(Bytes, Bytes)> =
        pairs.iter().map(|(key, value)| (Bytes::from((*key).to_owned()), Bytes::from((*value).to_owned()))).collect();
    file.apply(pairs.iter().map(|(key, value)| Change::Put(key, value)), &state(next)).expect("applied");
}

#[test]
fn a_file_remembers_its_records_and_how_far_it_is() {
    let directory = tempfile::tempdir().expect("directory");
    let mut file = renewed(directory.path());
    put(&mut file, &[("a", "1"), ("b", "2")], 2);
    drop(file);
    let (file, found) = File::open(directory.path(), "t", &identity()).expect("file");
    assert_eq!(found, Some(state(2)));
    assert_eq!(file.get(b"b").expect("read"), Some(Bytes::from_static(b"2")));
}

#[test]
fn a_file_of_another_cluster_or_topic_is_not_believed() {
    let directory = tempfile::tempdir().expect("directory");
    let mut file = renewed(directory.path());
    for other in [
        Identity { cluster: "x".to_owned(), ..identity() },
        Identity { topic: "x".to_owned(), ..identity() },
        Identity { fenced: true, ..identity() },
    ] {
        drop(file);
        let found;
        (file, found) = File::open(directory.path(), "t", &other).expect("file");
        assert_eq!(found, None);
    }
    assert_eq!(file.renew().expect("made").next, 0);
}

#[test]
fn a_file_that_is_no_database_is_made_again() {
    let directory = tempfile::tempdir().expect("directory");
    std::fs::write(path(directory.path(), "t", 1), vec![b'x'; 4096]).expect("written");
    let (_, found) = File::open(directory.path(), "t", &identity()).expect("file");
    assert_eq!(found, None);
}

#[test]
fn two_processes_do_not_share_a_file() {
    let directory = tempfile::tempdir().expect("directory");
    let mut first = renewed(directory.path());
    let second = renewed(directory.path());
    put(&mut first, &[("a", "1")], 1);
    assert_eq!(second.get(b"a").expect("read"), None);
}

#[test]
fn a_scan_goes_through_a_prefix_in_the_order_of_bytes() {
    let directory = tempfile::tempdir().expect("directory");
    let mut file = renewed(directory.path());
    put(&mut file, &[("b/2", ""), ("a", ""), ("b/", ""), ("b/10", ""), ("b0", ""), ("c", "")], 6);
    let keys = |prefix: &str, after, limit| -> Vec<String> {
        file.scan(prefix, after, limit).expect("scan").into_iter().map(|(key, _)| key).collect()
    };
    assert_eq!(keys("b/", None, 10), ["b/", "b/10", "b/2"]);
    assert_eq!(keys("b/", Some("b/10"), 10), ["b/2"]);
    assert_eq!(keys("", Some("b/2"), 10), ["b0", "c"]);
    assert_eq!(keys("b", None, 2), ["b/", "b/10"]);
}

#[test]
fn a_scan_reads_nothing_beyond_its_ends() {
    let directory = tempfile::tempdir().expect("directory");
    let file = renewed(directory.path());
    for (after, bounds) in [(None, "key>? AND key<?"), (Some("b/1"), "key>? AND key<?"), (Some("a"), "key>? AND key<?")]
    {
        let query = format!("EXPLAIN QUERY PLAN {}", Range::of("b/", after).query);
        let plan: String = file.connection.query_row(&query, ["", "", ""], |row| row.get("detail")).expect("a plan");
        assert!(plan.contains(bounds), "{plan}");
    }
}

#[test]
fn ignored_keys_stay_until_they_are_heeded() {
    let directory = tempfile::tempdir().expect("directory");
    let mut file = renewed(directory.path());
    let key = Bytes::from_static(b"k");
    file.apply([Change::Ignore(&key), Change::Ignore(&key)].into_iter(), &state(1)).expect("applied");
    assert_eq!(file.ignored().expect("read"), std::slice::from_ref(&key));
    file.apply([Change::Heed(&key)].into_iter(), &state(2)).expect("applied");
    assert!(file.ignored().expect("read").is_empty());
}

#[test]
fn what_is_built_without_a_journal_is_believed_once_it_has_one_again() {
    let directory = tempfile::tempdir().expect("directory");
    let mut file = renewed(directory.path());
    file.forgo_journal().expect("none");
    let (key, value) = (Bytes::from_static(b"a"), Bytes::from(vec![7; 3000]));
    let begun = State { next: 0, epoch: 0, fresh: Timestamp::UNIX_EPOCH, last: None };
    file.apply([Change::Put(&key, &value)].into_iter(), &begun).expect("applied");
    drop(file);
    let (mut file, found) = File::open(directory.path(), "t", &identity()).expect("file");
    assert_eq!(found, Some(begun.clone()), "it stands at the beginning");
    file.renew().expect("made");
    assert_eq!(file.get(b"a").expect("read"), None);
    file.forgo_journal().expect("none");
    file.apply([Change::Put(&key, &value)].into_iter(), &begun).expect("applied");
    file.keep_journal().expect("kept");
    put(&mut file, &[("b", "2")], 2);
    drop(file);
    let (file, found) = File::open(directory.path(), "t", &identity()).expect("file");
    assert_eq!(found, Some(state(2)));
    assert_eq!(file.get(b"a").expect("read"), Some(value));
}

/// Somebody else was quicker with our file, and the next one holds what an earlier process left there.
#[test]
fn a_file_that_is_begun_holds_nothing() {
    let directory = tempfile::tempdir().expect("directory");
    let mut file = renewed(directory.path());
    put(&mut file, &[("a", "1")], 1);
    assert_eq!(file.begin().expect("begun").next, 0);
    assert_eq!(file.get(b"a").expect("read"), None);
}
