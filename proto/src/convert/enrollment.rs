use super::bounds::{present, some_chars};
use super::{BadField, Machine};
use crate::v1;

/// The largest certificate request, bytes.
const CERTIFICATE_REQUEST_BYTES_MAX: usize = 8 * 1024;

/// Checks the bounds of an enrolment, and gives the machine that asks.
pub fn check_enroll_request(request: v1::EnrollRequest) -> Result<Machine, BadField> {
    some_chars("token", &request.token, 128)?;
    check_certificate_request(&request.certificate_request)?;
    Machine::try_from(present("machine", request.machine)?).map_err(|bad| bad.within("machine"))
}

/// Checks the length of a certificate request; its content is the authority's business.
pub fn check_certificate_request(der: &[u8]) -> Result<(), BadField> {
    if der.is_empty() {
        return Err(BadField::new("certificate_request", "is empty"));
    }
    if der.len() > CERTIFICATE_REQUEST_BYTES_MAX {
        return Err(BadField::new("certificate_request", "is longer than 8 KiB"));
    }
    Ok(())
}

/// Checks the bounds of a request for an identity of one's own; gives the certificate request and the machine that asks.
pub fn check_fork(request: v1::RenewRequest) -> Result<(Vec<u8>, Machine), BadField> {
    some_chars("fork_permit", &request.fork_permit, 128)?;
    check_certificate_request(&request.certificate_request)?;
    let machine = Machine::try_from(present("machine", request.machine)?).map_err(|bad| bad.within("machine"))?;
    Ok((request.certificate_request, machine))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(token: &str, der: usize) -> v1::EnrollRequest {
        let machine = v1::Machine { host_name: "m1".into(), os_type: "linux".into(), ..Default::default() };
        v1::EnrollRequest { token: token.into(), certificate_request: vec![1; der], machine: Some(machine) }
    }

    #[test]
    fn names_the_field_that_is_too_long() {
        assert!(check_enroll_request(request("secret", 300)).is_ok());
        let bad = check_enroll_request(request(&"x".repeat(129), 300)).expect_err("too long");
        assert_eq!(bad.to_string(), "token: is longer than 128 characters");
        assert_eq!(check_enroll_request(request("s", 9000)).expect_err("long").field, "certificate_request");
    }
}
