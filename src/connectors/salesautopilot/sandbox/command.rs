//! What a person at the vendor's screen may do: one member, the command, with what it needs.

use serde_json::{Value, json};

use super::{
    super::wire::{EMAIL, INVOICE_NUMBER, ORDER_REFERENCE, PAYMENT_STATUS},
    Refusal,
    records::set_active,
    store::{List, ListKind, Store, as_record, holds, text_of},
};
use crate::model::time::Timestamp;

const COMMANDS: &str = "`add_record` {list, fields}, `add_field` {list, name}, `unsubscribe` e-mail, `activate` \
                        e-mail, `delete` e-mail, `set_order_status` {order, status}, `set_invoice_number` {order, \
                        number}, `order_answer` any value or null, `code_status` 200 or 406";

pub(super) fn run(store: &mut Store, command: &Value, now: Timestamp) -> Result<Value, String> {
    let wrong = || format!("a command is one of {COMMANDS}");
    let members = command.as_object().filter(|members| members.len() == 1).ok_or_else(wrong)?;
    let (name, with) = members.iter().next().ok_or_else(wrong)?;
    let text = |member: &str| with.get(member).and_then(text_of).unwrap_or_default();
    let list = with.get("list").and_then(Value::as_i64).unwrap_or_default();
    let done = match name.as_str() {
        "add_record" => {
            let fields = as_record(&with["fields"]);
            store.list(list).and_then(|known| known.check_fields(&fields)).and_then(|()| store.add(list, fields, now))
        }
        "add_field" => store.list(list).map(|known| {
            known.fields.insert(text("name"), "shorttext");
            list
        }),
        "unsubscribe" => set_active(newsletter(store), with.as_str().unwrap_or_default(), false),
        "activate" => set_active(newsletter(store), with.as_str().unwrap_or_default(), true),
        "delete" => delete(newsletter(store), with.as_str().unwrap_or_default()),
        "set_order_status" => set(store, &text("order"), PAYMENT_STATUS, text("status")),
        "set_invoice_number" => set(store, &text("order"), INVOICE_NUMBER, text("number")),
        "order_answer" => {
            store.order_answer = Some(with.clone()).filter(|answer| !answer.is_null());
            Ok(0)
        }
        "code_status" => {
            store.code_status = with.as_u64().and_then(|status| status.try_into().ok()).ok_or_else(wrong)?;
            Ok(0)
        }
        _ => return Err(wrong()),
    };
    done.map(|id| json!({ "id": id })).map_err(|refusal| match refusal {
        Refusal::Parameters(text) => text,
        _ => "no such list, form or record".to_owned(),
    })
}

fn newsletter(store: &mut Store) -> &mut List {
    let list = store.lists.iter_mut().find(|list| list.kind == ListKind::Newsletter);
    list.expect("the account begins with a newsletter list and lists are never removed")
}

fn delete(list: &mut List, email: &str) -> Result<i64, Refusal> {
    let before = list.records.len();
    list.records.retain(|record| !holds(record, EMAIL, email));
    if list.records.len() < before { Ok(list.id) } else { Err(Refusal::NotFound) }
}

fn set(store: &mut Store, order: &str, field: &str, value: String) -> Result<i64, Refusal> {
    let orders = store.lists.iter_mut().filter(|list| list.kind == ListKind::Orders);
    let mut found = orders.flat_map(|list| &mut list.records).filter(|record| holds(record, ORDER_REFERENCE, order));
    let record = found.next().ok_or(Refusal::NotFound)?;
    record.insert(field.to_owned(), value.into());
    Ok(super::records::number_of(record))
}
