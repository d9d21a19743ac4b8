//! The wire cannot carry a command, a path or a script to an endpoint.
//!
//! Every message that a collector can send, and every field in it, stands in [`REVIEWED`]. A new field fails here until
//! somebody has asked: could a collector that was taken over use it to make a workstation run, open or change anything?

use std::collections::{BTreeMap, BTreeSet};

use prost::Message;
use prost_types::field_descriptor_proto::Type;
use prost_types::{DescriptorProto, FieldDescriptorProto, FileDescriptorSet};

/// What a collector can say, reviewed: `Message.field: type`, and what the agent does with every text.
const REVIEWED: &str = "
Ack.refusals: repeated Refusal
Ack.stored_sequence: uint64
BeatReply.beat_sent_unix_ms: int64
BeatReply.received_unix_ms: int64
BeatReply.sent_unix_ms: int64
BeatRequest.sent_unix_ms: int64
CollectorFrame.ack: Ack
CollectorFrame.beat_reply: BeatReply
CollectorFrame.beat_request: BeatRequest
CollectorFrame.drain: Drain
CollectorFrame.fork: Fork
CollectorFrame.pull_cancel: PullCancel
CollectorFrame.pull_request: PullRequest
CollectorFrame.renewal: Renewal
CollectorFrame.settings: Settings
CollectorFrame.welcome: Welcome
DnsName.name: string                    # looked up, nothing else
DnsName.name_class: string              # one of three words
Drain.alternative: string               # another collector of the same authority, verified as such
Drain.reconnect_after_ms: uint32
Drain.spread_ms: uint32
EnrollResponse.authorities: repeated bytes
EnrollResponse.certificate_chain: repeated bytes
EnrollResponse.endpoint_id: string      # stored and shown
EnrollResponse.naming_key: bytes        # keys the hashes that stand for names; stored
PortalObject.host: string               # connected to, its front page compared
PortalObject.port: uint32
PortalObject.text: string               # compared
ProbeTarget.addresses: repeated string  # connected to, no data is sent
ProbeTarget.host: string                # connected to, no data is sent
ProbeTarget.label: string               # shown
ProbeTarget.port: uint32
ProbeTarget.tls: bool
Fork.permit: string                     # echoed when the agent asks for an identity of its own
PullCancel.pull_id: string              # compared
PullRequest.around_unix_ms: int64
PullRequest.deadline_unix_ms: int64
PullRequest.pull_id: string             # compared and echoed
PullRequest.reason: PullReason
PullRequest.requested_by: string        # shown in the ledger of what was sent
PullRequest.sections: repeated Section
PullRequest.ticket: string              # shown in the ledger of what was sent
PullRequest.window_seconds: uint32
Refusal.reason: string                  # logged
Refusal.sequence: uint64
Renewal.spread_ms: uint32
RenewResponse.authorities: repeated bytes
RenewResponse.certificate_chain: repeated bytes
RenewResponse.endpoint_id: string       # stored and shown
RenewResponse.naming_key: bytes         # keys the hashes that stand for names; stored
Settings.corporate_networks: repeated string # compared
Settings.denied_signals: repeated string # compared, can only take away
Settings.dns_names: repeated DnsName
Settings.fast_period_seconds: uint32
Settings.minute_period_seconds: uint32
Settings.portal: PortalObject
Settings.probe_targets: repeated ProbeTarget
Settings.revision: uint64
Welcome.collector_id: string            # logged
Welcome.hello_sent_unix_ms: int64
Welcome.layout_known: bool
Welcome.packing: uint32
Welcome.return_spread_ms: uint32
Welcome.takes_ahead: bool
Welcome.received_unix_ms: int64
Welcome.sent_unix_ms: int64
Welcome.settings: Settings
Welcome.stored_sequence: uint64
";

/// Parts of names that would belong to remote execution, file access or change.
const SUSPECT: [&str; 24] = [
    "command", "cmd", "exec", "shell", "script", "path", "file", "run", "argv", "args", "env", "url", "uri", "spawn",
    "install", "write", "delete", "regist", "payload", "code", "binary", "eval", "upgrade", "any",
];

fn all_messages() -> BTreeMap<String, DescriptorProto> {
    let set = FileDescriptorSet::decode(firstline_proto::DESCRIPTORS).expect("made by the build");
    let ours = set.file.into_iter().filter(|file| file.package() == "firstline.v1");
    ours.flat_map(|file| file.message_type).map(|message| (message.name().to_owned(), message)).collect()
}

fn short(type_name: &str) -> String {
    type_name.rsplit('.').next().unwrap_or(type_name).to_owned()
}

fn type_of(field: &FieldDescriptorProto) -> String {
    let word = match field.r#type() {
        Type::Message | Type::Enum => short(field.type_name()),
        scalar => format!("{scalar:?}").to_lowercase(),
    };
    let repeated = field.label() == prost_types::field_descriptor_proto::Label::Repeated;
    if repeated { format!("repeated {word}") } else { word }
}

/// Every message that can arrive at an endpoint.
fn reachable() -> Vec<DescriptorProto> {
    let all = all_messages();
    let mut waiting = vec!["CollectorFrame".to_owned(), "EnrollResponse".to_owned(), "RenewResponse".to_owned()];
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    while let Some(name) = waiting.pop() {
        if !seen.insert(name.clone()) {
            continue;
        }
        let message = all.get(&name).unwrap_or_else(|| panic!("{name} is not a message of this package")).clone();
        let inner = message.field.iter().filter(|field| field.r#type() == Type::Message);
        waiting.extend(inner.map(|field| short(field.type_name())));
        found.push(message);
    }
    found
}

#[test]
fn everything_a_collector_can_say_was_reviewed() {
    let reviewed: BTreeSet<String> = REVIEWED
        .lines()
        .map(|line| line.split('#').next().unwrap_or_default().trim().to_owned())
        .filter(|line| !line.is_empty())
        .collect();
    let field = |message: &DescriptorProto, field: &FieldDescriptorProto| {
        format!("{}.{}: {}", message.name(), field.name(), type_of(field))
    };
    let present: BTreeSet<String> = reachable()
        .iter()
        .flat_map(|message| message.field.iter().map(|one| field(message, one)).collect::<Vec<_>>())
        .collect();
    let new: Vec<_> = present.difference(&reviewed).collect();
    let gone: Vec<_> = reviewed.difference(&present).collect();
    assert!(
        new.is_empty() && gone.is_empty(),
        "what a collector can say to an endpoint has changed.\nnot reviewed: {new:#?}\nno longer there: {gone:#?}\n\
         Before a field goes onto the list: could it make the endpoint run something, open something that the \
         collector names, or change something? Then it must not exist."
    );
}

#[test]
fn no_name_smells_of_remote_execution() {
    for message in reachable() {
        for field in &message.field {
            let name = field.name().to_lowercase();
            let smell = SUSPECT.iter().find(|suspect| name.contains(**suspect));
            assert!(smell.is_none(), "{}.{} holds {smell:?}: an endpoint only reads and reports", message.name(), name);
        }
    }
}

#[test]
fn bytes_only_carry_certificates_and_the_key_of_pseudonyms_to_an_endpoint() {
    let bytes: BTreeSet<String> = reachable()
        .iter()
        .flat_map(|message| {
            message.field.iter().filter(|field| field.r#type() == Type::Bytes).cloned().collect::<Vec<_>>()
        })
        .map(|field| field.name().to_owned())
        .collect();
    assert_eq!(bytes, BTreeSet::from(["authorities", "certificate_chain", "naming_key"].map(str::to_owned)));
}

#[test]
fn there_are_three_calls_and_all_are_dialled_by_the_endpoint() {
    let set = FileDescriptorSet::decode(firstline_proto::DESCRIPTORS).expect("made by the build");
    let methods: BTreeSet<String> = set
        .file
        .iter()
        .flat_map(|file| &file.service)
        .flat_map(|service| service.method.iter().map(|method| format!("{}.{}", service.name(), method.name())))
        .collect();
    let expected = ["AgentService.Connect", "EnrollmentService.Enroll", "EnrollmentService.Renew"];
    assert_eq!(methods, expected.map(str::to_owned).into());
}
