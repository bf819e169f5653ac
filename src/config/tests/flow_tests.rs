//! Tests beside the flows that are right: they pass, and they would not if the flow did something else.

use std::path::Path;

use crate::{
    config::testing::{CONNECTIONS, load_files, load_one},
    model::id::Ids,
};

const FLOWS: &str = r#"flows:
  paid-course:
    on: order.paid
    from: eshop
    when: order.items.exists(i, i.code.startsWith('COURSE-'))
    do:
      - crm.upsert_contact: { email: "${order.customer.email}", tags: ["${order.number}", course] }
        name: find
      - crm.add_note:
          contact: "${steps.find.contact_id}"
          text: Order ${order.number}
          amount: ${order.total.amount}
        on_refusal: go_on
      - crm.add_to_list: { email: "${order.customer.email}", list: Courses, on: "${order.paid_at}" }
        when: order.note == ""
      - crm.record_order: { order: "${order}" }
"#;

const EVENT: &str = "    event:
      type: order.paid
      body:
        id: 42
        number: N-42
        status: processing
        total: 1210 CZK
        paid_at: 2025-10-09T08:00:00Z
        customer: { email: eva@example.cz, first_name: Eva }
        items: [{ code: COURSE-RUST, quantity: 1 }]
";

/// How many passed and failed, and the report.
fn run(tests: &str) -> (usize, usize, String) {
    let config = load_one(&format!("{CONNECTIONS}{FLOWS}tests:\n  one:\n{EVENT}{tests}"));
    let run = config.unwrap_or_else(|report| panic!("{report}")).run_tests(Path::new("/nowhere"));
    (run.passed, run.failed, run.report.map(|report| report.to_string()).unwrap_or_default())
}

fn passes(tests: &str, count: usize) {
    assert_eq!(run(tests), (count, 0, String::new()));
}

#[test]
fn parameters_are_compared_in_part_and_actions_in_full() {
    let all = "    results: { find: { contact_id: 7 } }
    expect:
      - crm.upsert_contact: { email: eva@example.cz, tags: [N-42, course], name: null }
      - crm.add_note: { contact: 7, amount: 1210.00 }
      - crm.add_to_list: { on: 2025-10-09 }
      - crm.record_order: { order: { number: N-42, status: processing, customer: { first_name: Eva }, note: '' } }
";
    passes(all, 1);
    for (wrong, what) in [
        (all.replace("course]", "cours]"), "`tags.1`: expected `cours`, got `course`"),
        (all.replace("      - crm.add_to_list: { on: 2025-10-09 }\n", ""), "`crm.add_to_list` is done"),
        (all.replace("status: processing", "status: pending"), "`order.status`: expected `ORDER_STATUS_PENDING`"),
        (all.replace("1210.00", "1210.01"), "`amount`: expected `1210.01`, got `1210`"),
        (all.replace("name: null", "fields: null"), ""),
        (all.replace("contact: 7", "contact: null"), "`contact` shall not be given, got `7`"),
    ] {
        if what.is_empty() {
            passes(&wrong, 1);
            continue;
        }
        let (passed, failed, report) = run(&wrong);
        assert_eq!((passed, failed), (0, 1));
        assert!(report.contains(what), "{what}: {report}");
    }
}

#[test]
fn cases_change_what_goes_in_by_path() {
    passes(
        "    results: { find: { contact_id: 7 } }
    cases:
      - name: a book
        set: { 'order.items[0].code': BOOK-1 }
        expect: []
      - name: a second line
        set: { 'items[1].code': COURSE-2, 'items[0].code': BOOK-1, note: Please call }
        expect: [crm.upsert_contact: {}, crm.add_note: {}, crm.record_order: {}, skipped: { flow: paid-course, step: crm.add_to_list, why: condition }]
      - name: another event
        set: { event.type: order.created }
        expect: []
      - name: no address
        set: { customer.email: null }
        expect: [crm.record_order: {}, dead: { code: bad-parameter, step: find, field: email }, dead: { code: bad-parameter, step: crm.add_to_list }]
",
        4,
    );
}

#[test]
fn a_test_with_expectations_and_cases_counts_for_itself_too() {
    let tests = "    flow: paid-course
    results: { find: { contact_id: 7 } }
    expect: [crm.upsert_contact: {}, crm.add_note: {}, crm.add_to_list: {}, crm.record_order: {}]
    cases:
      - { name: the same, set: { customer.email: jan@example.cz } }
      - { name: wrong, expect: [] }
";
    let (passed, failed, report) = run(tests);
    assert_eq!((passed, failed), (2, 1));
    assert!(report.contains("the test `one`, case `wrong`: `crm.add_note` is done"), "{report}");
}

#[test]
fn a_held_step_is_told_from_one_that_is_done_at_once() {
    let run = |hold: &str, held: bool| {
        let flows = format!(
            "flows:\n  one: {{ on: order.paid, do: [{{ crm.add_note: {{ contact: a, text: b }}, hold: {hold} }}] }}\n"
        );
        let expect = format!("    expect: [{{ crm.add_note: {{}}, held: {held} }}]\n");
        let config = load_one(&format!("{CONNECTIONS}{flows}tests:\n  one:\n{EVENT}{expect}")).expect("right");
        let run = config.run_tests(Path::new("/nowhere"));
        run.report.map(|report| report.to_string()).unwrap_or_default()
    };
    assert_eq!([run("always", true), run("order.paid", false)], ["", ""]);
    assert!(run("order.paid", true).contains("does not wait for a person"));
    assert!(run("always", false).contains("`crm.add_note` waits for a person"));
}

#[test]
fn a_step_can_be_said_to_have_failed() {
    passes(
        "    results: { find: refused }
    expect:
      - crm.upsert_contact: {}
      - crm.add_to_list: {}
      - crm.record_order: {}
      - skipped: { flow: paid-course, step: crm.add_note, why: waits-in-vain }
",
        1,
    );
}

#[test]
fn a_flow_that_starts_late_is_judged_by_the_time_of_the_event() {
    let tests = |time: &str| {
        let flows = FLOWS.replace("    from: eshop\n", "    from: eshop\n    start: 2027-01-01\n");
        let event = EVENT.replace("      body:", &format!("{time}      body:"));
        let expect = "    expect: [skipped: { flow: paid-course, why: before-start }]\n";
        let config = load_one(&format!("{CONNECTIONS}{flows}tests:\n  one:\n{event}{expect}")).expect("right");
        config.run_tests(Path::new("/nowhere")).passed
    };
    assert_eq!((tests("      time: 2026-12-31T23:59:59Z\n"), tests("")), (1, 0));
}

#[test]
fn tests_in_files_of_their_own_are_no_part_of_the_flow_set() {
    let hash = |tests: &str| {
        let flows = format!("{CONNECTIONS}{FLOWS}");
        let config = load_files(&[("flows.yaml", &flows), ("tests.yaml", tests)]).expect("right");
        config.flows.hash(&Ids::new(b"key"))
    };
    let test = format!("tests:\n  one:\n{EVENT}    expect: []\n");
    assert_eq!(hash("tests: {}\n"), hash(&test));
}

#[test]
fn a_test_that_stands_twice_is_told_with_both_places() {
    let tests = format!("tests:\n  one:\n{EVENT}    expect: []\n");
    let flows = format!("{CONNECTIONS}{FLOWS}");
    let report = load_files(&[("a.yaml", &flows), ("b.yaml", &tests), ("c.yaml", &tests)]).expect_err("twice");
    assert!(
        report.to_string().contains("`one` stands twice") && report.to_string().contains("first given in b.yaml:2")
    );
}

proptest::proptest! {
    /// Pieces of tests in any order: a report, or a run, but never a panic.
    #[test]
    fn any_test_is_run_or_refused(
        pieces in "(event|webhook|cases|expect|set|results|body|from|file|replies|name|flow|type|order\\.paid|crm\\.add_note|skipped|dead|fetch|items|code|customer|eshop|order|\\[0\\]|1210 CZK|null|: |:\n    |:\n      - |\n    |\\{|\\}|\\[|\\]|, |'|\\$\\{x\\}|é){0,40}"
    ) {
        let flows = "flows:\n  one: { on: order.paid, do: [crm.add_note: { contact: a, text: b }] }\n";
        match load_files(&[("a.yaml", &format!("{CONNECTIONS}{flows}")), ("b.yaml", &format!("tests:\n  one:\n    {pieces}"))]) {
            Err(report) => proptest::prop_assert!(!report.problems.is_empty()),
            Ok(config) => {
                config.run_tests(Path::new("/nowhere"));
            }
        }
    }
}
