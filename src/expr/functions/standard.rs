//! CEL's own functions that are let in, and what goes with any value.

use cel::{
    ExecutionError,
    common::{
        types::{CelList, CelString},
        value::{CowVal, Val},
    },
};

use super::{
    Grows,
    given::{Given, Outcome, call, functions, member, run},
    patterns,
};

const SMALL: Grows = Grows::To(64);

functions! {
    on Text "contains"(Text) -> Boolean, SMALL, None,
        "Whether the text holds the other.", "'blue shirt'.contains('shirt')" => "true";
    on Text "startsWith"(Text) -> Boolean, SMALL, None,
        "Whether the text begins with the other.", "'FV-2025-1'.startsWith('FV-')" => "true";
    on Text "endsWith"(Text) -> Boolean, SMALL, None,
        "Whether the text ends with the other.", "'eva@example.cz'.endsWith('.cz')" => "true";
    on Text "matches"(Regex) -> Boolean, SMALL, run!("matches", matches),
        "Whether a constant regular expression is found in the text, of which at most 8 KiB may be searched.",
        "'SKU-0042'.matches('^SKU-[0-9]+$')" => "true";
    "matches"(Text, Regex) -> Boolean, SMALL, run!("matches", matches),
        "Whether a constant regular expression is found in the text, of which at most 8 KiB may be searched.",
        "matches('SKU-0042', '[0-9]{4}')" => "true";
    on Sized "size"() -> Integer, SMALL, None,
        "How many characters or members.", "'Žižkov'.size()" => "6";
    "size"(Sized) -> Integer, SMALL, None,
        "How many characters or members.", "size(['a', 'b'])" => "2";
    "string"(Scalar) -> Text, Grows::Same, None,
        "As text.", "string(42) + '/' + string(true)" => "42/true";
    "int"(TextOrInteger) -> Integer, SMALL, None,
        "As a whole number; fails when the text is none.", "int('7') * 6" => "42";
    "timestamp"(Text) -> Time, SMALL, None,
        "An RFC 3339 time, to be compared with others.",
        "timestamp('2025-03-01T10:00:00+01:00') < timestamp('2025-03-01T09:30:00Z')" => "true";
    "duration"(Text) -> Duration, SMALL, None,
        "Such as `36h` or `90m`, to be added to times.",
        "timestamp('2025-03-01T10:00:00Z') + duration('36h') > timestamp('2025-03-02T00:00:00Z')" => "true";
    on Text "or"(Text) -> Text, Grows::Sum, run!("or", or),
        "The text, or the other where it is empty or nothing but white space.",
        "''.or('no note')" => "no note";
    "default"(Text, Text) -> Text, Grows::Sum, run!("default", or),
        "The first text, or the second where the first is empty or nothing but white space.",
        "default('', 'no note')" => "no note";
    "lookup"(Lookup, Text) -> Text, Grows::Member, Some(lookup),
        "A custom field by its name or id, or a mapping's member; empty when it is not there.",
        "lookup({'shop.id': '77'}, 'shop.id')" => "77";
    "lookup"(Lookup, Text, Text) -> Text, Grows::Member, Some(lookup),
        "A custom field by its name or id, or a mapping's member; the last text when it is not there or empty.",
        "lookup({'shop.id': '77'}, 'till.id', 'none')" => "none";
    "lookup"(Table, TextOrInteger) -> Text, Grows::Member, Some(lookup),
        "What a mapping table of `lookups` holds for a value, `lookup(\"statuses\", order.status)`. A value without a row is an \
         error, is skipped, or gives the table's default, as the table says.",
        "lookup('statuses', 'Fizetve')" => "Plătit";
    "lookup"(Table, TextOrInteger, TextOrInteger) -> Text, Grows::Member, Some(lookup),
        "The same, with what a value without a row gives.",
        "lookup('statuses', 'Visszaküldve', 'Altul')" => "Altul";
}

fn matches(given: &Given<'_, '_, '_>) -> Outcome<bool> {
    patterns::matches(given.text(0)?, given.text(1)?)
}

fn or(given: &Given<'_, '_, '_>) -> Outcome<String> {
    let (text, other) = (given.text(0)?, given.text(1)?);
    Ok(if text.trim().is_empty() { other } else { text }.to_owned())
}

/// The owner's tables come in as values of their own, see `expr::lookup`.
#[expect(clippy::needless_pass_by_value, reason = "the form of a function in CEL")]
fn lookup<'b, 'v>(given: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    crate::expr::lookup::find(&given).unwrap_or_else(|| call("lookup", &given, member_or_default))
}

fn member_or_default(given: &Given<'_, '_, '_>) -> Outcome<String> {
    let found = find_member(given)?;
    Ok(if found.is_empty() { given.text_if_given(2)?.unwrap_or("").to_owned() } else { found })
}

fn find_member(given: &Given<'_, '_, '_>) -> Outcome<String> {
    let (within, name) = (given.value(0)?, given.text(1)?);
    let Some(fields) = within.downcast_ref::<CelList<'_>>() else {
        let members = within.as_indexer().ok_or("expected custom fields or a mapping")?;
        let found = members.get(&CelString::from(name)).ok();
        let found = found.as_ref().and_then(|found| found.downcast_ref::<CelString<'_>>());
        return Ok(found.map(|text| text.inner().to_owned()).unwrap_or_default());
    };
    let fields = fields.inner().iter().map(|field| -> &dyn Val { field.as_ref() });
    let mut named = fields.filter(|field| member(*field, "name") == name || member(*field, "id") == name);
    Ok(named.next().map(|field| member(field, "value")).unwrap_or_default())
}
