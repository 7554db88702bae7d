#![allow(clippy::unwrap_used)]

use super::*;

#[test]
fn hosts_match_exactly_or_below_a_dot_and_only_on_their_ports() {
    let host = |text: &str| text.parse::<AllowedHost>().unwrap();
    assert!(host("pypi.org").matches("pypi.org", 443));
    assert!(!host("pypi.org").matches("evil-pypi.org", 443));
    assert!(!host("pypi.org").matches("pypi.org", 22));
    assert!(host(".example.org").matches("a.b.example.org", 80));
    assert!(!host(".example.org").matches("example.org", 80));
    assert!(!host(".example.org").matches("badexample.org", 80));
    assert!(host("Mirror.local:8080").matches("mirror.local", 8080));
    assert!(!host("mirror.local:8080").matches("mirror.local", 443));
    assert!(host("[::1]:8080").matches("::1", 8080));
    for bad in ["", ".", "a b", "host:port", "http://x"] {
        assert!(bad.parse::<AllowedHost>().is_err(), "{bad}");
    }
}

#[test]
fn private_addresses_in_every_spelling_are_not_public() {
    for ip in [
        "127.0.0.1",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "0.0.0.0",
        "100.64.0.1",
        "::1",
        "::",
        "fe80::1",
        "fd00::1",
        "::ffff:127.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "224.0.0.1",
        "ff02::1",
        "255.255.255.255",
    ] {
        assert!(!is_public(ip.parse().unwrap()), "{ip}");
    }
    for ip in ["1.1.1.1", "2606:4700::1111", "::ffff:8.8.8.8"] {
        assert!(is_public(ip.parse().unwrap()), "{ip}");
    }
}

#[test]
fn a_plain_request_is_forwarded_to_the_host_of_its_target_not_of_its_header() {
    let sent = b"GET http://a.org/x?y HTTP/1.1\r\nHost: b.org\r\nProxy-Authorization: z\r\nA: b\r\n\r\nbody";
    let request = Request::parse(sent).unwrap();
    let forward = b"GET /x?y HTTP/1.1\r\nHost: a.org\r\nConnection: close\r\nA: b\r\n\r\n".to_vec();
    let whole = Request { host: "a.org".into(), port: 80, forward: Some(forward), rest: b"body".into() };
    assert_eq!(request, whole);
}

#[test]
fn targets_that_hide_their_host_are_bad_requests() {
    for line in ["CONNECT pypi.org@evil:443", "CONNECT pypi.org", "GET /x", "GET ftp://a/"] {
        assert_eq!(Request::parse(format!("{line} HTTP/1.1\r\n\r\n").as_bytes()), None, "{line}");
    }
}
