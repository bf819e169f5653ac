//! A flow's `start` stays what it was, unless somebody says so by the flow's name.

use spojka::runtime::StartError;

use super::{Play, scenarios};
use crate::support::stage::Stage;

scenarios! {
    another_start_is_refused_until_it_is_accepted
}

fn flows(start: &str) -> String {
    format!(
        "flows:\n  buyers:\n    on: order.paid\n    from: shop\n    start: {start}\n    do:\n      - crm.add_to_list: {{ email: \"${{order.customer.email}}\", list: Buyers }}\n"
    )
}

async fn another_start_is_refused_until_it_is_accepted(stage: Stage) {
    let stage = Play::begin(stage, &flows("2025-01-01")).await.end().await;
    let earlier = flows("2024-01-01");
    match stage.try_start(&earlier, &[]).await {
        Err(error @ StartError::Starts(_)) => {
            let text = error.to_string();
            assert!(text.contains("`buyers`") && text.contains("--accept-start buyers"), "{text}");
        }
        Err(other) => panic!("another error: {other}"),
        Ok(_) => panic!("it must not start"),
    }
    let app = stage.try_start(&earlier, &["buyers"]).await.expect("it is accepted");
    assert!(app.stop().await);
    let app = stage.try_start(&earlier, &[]).await.expect("and stays so");
    assert!(app.stop().await);
}
