//! The components with their fields, after the vendor's manual of 2025.

/// A kind of record.
pub(super) struct Component {
    pub name: &'static str,
    pub id_key: &'static str,
    /// What effects are called after.
    pub noun: &'static str,
    pub fields: &'static [&'static str],
    /// A new record has all of the first or, where there are several lists, all of any.
    pub required: &'static [&'static [&'static str]],
    /// The values of a field that takes only some.
    pub choices: &'static [(&'static str, &'static [&'static str])],
}

pub(super) fn find(name: &str) -> Option<&'static Component> {
    COMPONENTS.iter().find(|component| component.name == name)
}

pub(super) const CONTACTS: &str = "contacts";
pub(super) const LISTS: &str = "lists";

const FLAG: &[&str] = &["0", "1"];
const WORK_STATUS: &[&str] = &["open", "postponed", "won", "closed"];

pub(super) const COMPONENTS: &[Component] = &[
    Component {
        name: CONTACTS,
        id_key: "idContact",
        noun: "contact",
        fields: &[
            "firstName",
            "lastName",
            "email",
            "email2",
            "email3",
            "phoneNumber",
            "phoneNumber2",
            "phoneNumber3",
            "cellNumber",
            "sex",
            "salutation",
            "position",
            "source",
            "website",
            "description",
            "primaryContact",
            "vip",
            "idOwner",
            "shippingStreet",
            "shippingCity",
            "shippingCode",
            "shippingCountry",
            "organization",
            "customFields",
            "lists",
            "gdprReason",
            "gdprAcceptanceDate",
        ],
        required: &[&["firstName"], &["lastName"], &["email"]],
        choices: &[("primaryContact", FLAG), ("vip", FLAG), ("gdprReason", &["1", "2", "3", "4", "5", "6", "7"])],
    },
    Component {
        name: "organizations",
        id_key: "idOrganization",
        noun: "organization",
        fields: &[
            "title",
            "body",
            "accountType",
            "idNumber",
            "vatNumber",
            "phoneNumber",
            "phoneNumber2",
            "phoneNumber3",
            "email",
            "email2",
            "email3",
            "emailDomain",
            "website",
            "billingStreet",
            "billingCity",
            "billingCode",
            "billingCountry",
            "shippingStreet",
            "shippingCity",
            "shippingCode",
            "shippingCountry",
            "idOwner",
            "customFields",
        ],
        required: &[&["title"]],
        choices: &[("accountType", &["Customer", "Potential customer", "Partner", "Media", "Other"])],
    },
    Component {
        name: LISTS,
        id_key: "idList",
        noun: "list",
        fields: &["title", "body", "important", "smartEmailing", "customFields"],
        required: &[&["title"]],
        choices: &[("important", FLAG), ("smartEmailing", FLAG)],
    },
    Component {
        name: "activities",
        id_key: "idActivity",
        noun: "activity",
        fields: &["title", "body", "idContact", "type", "timestamp", "duration", "customFields", "idDeal", "idUser"],
        required: &[&["idContact", "body"]],
        choices: &[(
            "type",
            &[
                "note",
                "call",
                "meeting",
                "email",
                "SMS",
                "sent newsletter",
                "sent autoresponder",
                "sent trigger",
                "opened newsletter",
                "opened autoresponder",
                "opened trigger",
                "clicked link in newsletter",
                "clicked link in autoresponder",
                "clicked link in trigger",
            ],
        )],
    },
    Component {
        name: "deals",
        id_key: "idDeal",
        noun: "deal",
        fields: &[
            "title",
            "body",
            "idContact",
            "contactIds",
            "idOwner",
            "rating",
            "status",
            "deadline",
            "completedDate",
            "amount",
            "customFields",
        ],
        required: &[&["title", "idContact"], &["title", "contactIds"]],
        choices: &[("rating", &["low", "normal", "high"]), ("status", WORK_STATUS)],
    },
    Component {
        name: "tasks",
        id_key: "idTask",
        noun: "task",
        fields: &[
            "title",
            "body",
            "idContact",
            "idAssignedUser",
            "priority",
            "status",
            "deadline",
            "deadlineTime",
            "completedDate",
            "duration",
            "customFields",
        ],
        required: &[&["body"]],
        choices: &[("priority", &["very low", "low", "normal", "high", "very high"]), ("status", WORK_STATUS)],
    },
];
