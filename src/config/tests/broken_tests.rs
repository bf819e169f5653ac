//! One snapshot for each way in which a test beside the flows can be wrong, or not get what it expects.

use crate::config::testing::{CONNECTIONS, load_one};

const FLOWS: &str = "flows:
  paid-course:
    on: order.paid
    from: eshop
    when: order.items.exists(i, i.code.startsWith('COURSE-')) && order.customer.email != ''
    do:
      - crm.upsert_contact: { email: \"${order.customer.email}\", fields: { Last order: \"${order.number}\" } }
        name: find
      - crm.add_to_list: { email: \"${order.customer.email}\", list: Courses, legal_basis: contract }
      - crm.add_note: { contact: \"${steps.find.contact_id}\", text: \"Order ${order.number}\" }
        when: order.note != ''
tests:
";

fn report(tests: &str) -> String {
    match load_one(&format!("{CONNECTIONS}{FLOWS}{tests}")) {
        Err(report) => report.to_string(),
        Ok(config) => {
            let run = config.run_tests(std::path::Path::new("/nowhere"));
            run.report.expect("the test is wrong").to_string()
        }
    }
}

fn check(name: &str, tests: &str) {
    insta::assert_snapshot!(name, format!("{tests}\n-----\n{}", report(tests)));
}

#[test]
fn the_form_of_a_test() {
    check("test_nothing_in_it", "  empty:\n  text: hello\n");
    check("test_keys", "  one: { evnt: {}, event: { type: order.paid }, expct: [], expect: [] }\n");
    check(
        "test_both_beginnings",
        "  one: { event: { type: order.paid }, webhook: { from: eshop, body: x }, expect: [] }\n",
    );
    check("test_expects_nothing_said", "  one: { event: { type: order.paid } }\n");
    check(
        "test_cases",
        "  one:\n    event: { type: order.paid }\n    cases:\n      - set: { paid: true }\n        expect: []\n      - name: two\n        sets: {}\n  two: { event: { type: order.paid }, cases: { name: x } }\n",
    );
    check("test_flow", "  one: { flow: paid-corse, event: { type: order.paid }, expect: [] }\n");
}

#[test]
fn what_goes_in() {
    check(
        "test_event",
        "  no-type: { event: { body: {} }, expect: [] }\n  types: { event: { type: order.payed }, expect: [] }\n  from: { event: { type: order.paid, from: eshp }, expect: [] }\n  never: { event: { type: order.paid, from: crm }, expect: [] }\n  nobody: { event: { type: customer.created }, expect: [] }\n  time: { event: { type: order.paid, time: yesterday }, expect: [] }\n",
    );
    check(
        "test_body",
        "  one:\n    event:\n      type: order.paid\n      body:\n        nubmer: 42\n        status: procesing\n        paid: maybe\n        total: 1210\n        customer: eva@example.cz\n        items: { code: COURSE-1 }\n        instalment: { number: first }\n        vendor_ids: [a]\n        total_tax: { amount: 1,5, currency: CZK }\n    expect: []\n",
    );
    check(
        "test_set",
        "  one:\n    event: { type: order.paid, body: { items: [{ code: COURSE-1 }] } }\n    expect: []\n    cases:\n      - { name: a, set: { 'items[': x } }\n      - { name: b, set: { 'items[3].code': x } }\n      - { name: c, set: { items.code: x } }\n      - { name: d, set: { 'order.items[0].cod': x } }\n      - { name: e, set: { event.tpye: order.created } }\n      - { name: f, set: [a] }\n",
    );
    check(
        "test_webhook",
        "  one: { webhook: { body: a, file: b }, expect: [] }\n  two: { webhook: { from: eshop, body: a, headers: [x], replies: { invoice: { status: 7, boddy: x } } }, expect: [] }\n  three:\n    webhook: { from: eshop, body: {}, replies: { invoice: { body: {} } } }\n    expect: []\n    cases: [{ name: a, set: { replies.invioce.paid: true, paid: true } }]\n",
    );
    check("test_file_missing", "  one: { webhook: { from: eshop, file: order.json }, expect: [] }\n");
    check(
        "test_results",
        "  one:\n    event: { type: order.paid }\n    results: { fnd: { contact_id: 7 }, find: { contactid: 7 }, crm.add_to_list: maybe }\n    expect: []\n",
    );
}

#[test]
fn what_shall_come_out() {
    check(
        "test_expect_form",
        "  one: { event: { type: order.paid }, expect: crm.add_note }\n  two: { event: { type: order.paid }, expect: [crm.add_note, {}, { skiped: x }, { dead: a, skipped: b }] }\n",
    );
    check(
        "test_expect_names",
        "  one:\n    event: { type: order.paid }\n    expect:\n      - crm.add_to_lst: {}\n      - crn.add_note: {}\n      - crm.add_to_list: { emial: eva@example.cz, legal_basis: contrct, list: \"${order.number}\" }\n        flow: paid-corse\n      - crm.add_note: {}\n        step: fnd\n      - crm.add_note: [a]\n",
    );
    check(
        "test_expect_others",
        "  one:\n    event: { type: order.paid }\n    expect:\n      - skipped: { flow: nobody, why: because }\n      - dead: bad-paramter\n      - dead: { field: email }\n      - nothing: at-all\n",
    );
}

const PAID: &str = "    event: { type: order.paid, body: { number: N-42, items: [{ code: COURSE-1 }], customer: { email: eva@example.cz } } }\n";

#[test]
fn what_differs() {
    let check = |name: &str, rest: &str| check(name, &format!("  one:\n{PAID}{rest}"));
    check(
        "test_failed_values",
        "    expect:\n      - crm.upsert_contact:\n          email: eva@example.cz\n          name: Eva\n          fields: { Last order: N-43 }\n      - crm.add_to_list: { list: Course, legal_basis: null }\n",
    );
    check(
        "test_failed_missing_and_unexpected",
        "    expect:\n      - crm.add_to_list: { list: Courses }\n      - crm.add_note: { text: Order N-42 }\n",
    );
    check("test_failed_nothing", "    expect: []\n");
    check(
        "test_failed_condition",
        "    cases:\n      - name: a book\n        set: { 'items[0].code': BOOK-1, event.type: order.paid }\n        expect: [crm.add_to_list: { list: Courses }]\n      - name: another event\n        set: { event.type: order.created }\n        expect: [crm.add_to_list: { list: Courses }]\n",
    );
    check(
        "test_failed_dead",
        "    cases:\n      - name: no results\n        set: { note: Please call }\n        expect: [crm.upsert_contact: {}, crm.add_to_list: {}]\n      - name: no address\n        set: { customer.email: no address }\n        expect: []\n      - name: not dead\n        expect: [crm.upsert_contact: {}, crm.add_to_list: {}, dead: bad-parameter]\n",
    );
    check(
        "test_failed_skip",
        "    cases:\n      - name: it is done\n        expect: [crm.upsert_contact: {}, crm.add_to_list: {}, skipped: paid-course]\n      - name: for another reason\n        set: { 'items[0].code': BOOK-1 }\n        expect: [skipped: { flow: paid-course, why: too-old }]\n",
    );
    check(
        "test_failed_order",
        "    results: { find: { contact_id: 7 } }\n    cases:\n      - name: turned round\n        set: { note: Please call }\n        expect: [crm.add_note: { contact: 7 }, crm.upsert_contact: {}, crm.add_to_list: {}]\n",
    );
}

#[test]
fn what_a_webhook_amounts_to() {
    check(
        "test_failed_webhook",
        "  one: { webhook: { from: eshop, body: x }, expect: [crm.add_note: {}, nothing: ping, fetch: invoice, dead: unverified] }\n",
    );
}
