use crate::probe::ProbeError;

/// What is announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    Going,
    Back,
}

/// Sleep is not announced to the agent here yet; the wake is noticed by the clocks.
pub(crate) struct Sleeps;

impl Sleeps {
    pub(crate) async fn listen() -> Result<Self, ProbeError> {
        Err(ProbeError::Unsupported("the announcement of sleep"))
    }

    pub(crate) async fn next(&mut self) -> Option<Turn> {
        None
    }

    pub(crate) async fn hold(&mut self) {}

    pub(crate) fn let_go(&mut self) {}
}
