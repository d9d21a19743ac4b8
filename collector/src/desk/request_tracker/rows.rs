//! What stands in its documents.

use firstline_diagnosis::vocabulary::Timestamp;
use serde_json::Value;

use crate::config::DeskSettings;
use crate::desk::contract::{Found, TicketRef};
use crate::desk::trouble::Trouble;
use crate::desk::values::{part, text};
use crate::ticket::Requester;

/// The rows of a list, whatever its numbers say.
pub(super) fn items(mut list: Value) -> Result<Vec<Value>, Trouble> {
    match list.get_mut("items").map(Value::take) {
        Some(Value::Array(items)) => Ok(items),
        _ => Err(Trouble::odd("a list without items")),
    }
}

/// A ticket from its row in a list.
pub(super) fn found(item: &Value, id: String, text_of_person: String, settings: &DeskSettings) -> Found {
    let base = settings.url.trim_end_matches('/');
    Found {
        url: format!("{base}/Ticket/Display.html?id={}", part(&id)),
        ticket: TicketRef { display_number: id.clone(), api_id: id },
        subject: text(&item["Subject"]),
        text: text_of_person,
        requester: requester(&item["Requestor"][0]),
        queue: text(&item["Queue"]["Name"]),
        state: text(&item["Status"]),
        device: field(item, &settings.device_field).unwrap_or_default(),
        due: due(&item["Due"]),
    }
}

/// The first value of a custom field.
pub(super) fn field(item: &Value, name: &str) -> Option<String> {
    let fields = item["CustomFields"].as_array()?;
    let found = fields.iter().find(|field| !name.is_empty() && field["name"] == name)?;
    found["values"][0].as_str().map(str::to_owned)
}

/// A user's name is a sign-in name, unless it was made from an address that wrote.
fn requester(user: &Value) -> Requester {
    let name = text(&user["Name"]);
    let email = match text(&user["EmailAddress"]) {
        email if email.is_empty() && name.contains('@') => name.clone(),
        email => email,
    };
    let real = text(&user["RealName"]);
    Requester {
        sign_in: if name.contains('@') { String::new() } else { name.clone() },
        name: if real.is_empty() { name } else { real },
        email,
    }
}

/// A date that is not set is the beginning of time.
fn due(value: &Value) -> Option<Timestamp> {
    let at: Timestamp = value.as_str()?.parse().ok()?;
    (at.unix_ms() > 0).then_some(at)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_empty_list_has_odd_numbers_and_no_rows() {
        let list = json!({"items": [], "pages": 0.0, "total": null, "count": 0});
        assert_eq!(items(list).expect("a list"), Vec::<Value>::new());
        assert!(items(json!({"message": "Forbidden"})).is_err());
    }

    #[test]
    fn a_row_becomes_a_ticket() {
        let settings = DeskSettings {
            url: "https://rt.example.com/".to_owned(),
            device_field: "Hostname".to_owned(),
            ..DeskSettings::default()
        };
        let item = json!({
            "id": "12", "Subject": "Outlook hangs", "Status": "new", "Due": "1970-01-01T00:00:00Z",
            "Queue": {"id": "3", "Name": "Workstations"},
            "Requestor": [{"id": "ana", "Name": "ana", "EmailAddress": "ana@corp.example", "RealName": "Ana Silva"}],
            "CustomFields": [{"name": "Severity", "values": []}, {"name": "Hostname", "values": ["PC-17"]}],
        });
        let found = found(&item, "12".to_owned(), "It froze".to_owned(), &settings);
        assert_eq!(found.device, "PC-17");
        assert_eq!(found.due, None);
        assert_eq!(found.requester.sign_in, "ana");
        assert_eq!(found.url, "https://rt.example.com/Ticket/Display.html?id=12");
        let stranger = requester(&json!({"Name": "bob@corp.example", "EmailAddress": "", "RealName": ""}));
        assert_eq!((stranger.sign_in.as_str(), stranger.email.as_str()), ("", "bob@corp.example"));
    }
}
