//! Which addresses may be called. A base URL in a config, or a name in somebody else's DNS, must not make us call our own
//! network or a cloud's metadata service.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

/// A name that resolves only to addresses which may not be called, or such an address itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the address may not be called")]
pub(super) struct Blocked;

/// Looks names up and keeps only what may be called. A connection is made to what was looked up here, so a name that
/// changes its mind between the check and the call gains nothing.
#[derive(Debug, Clone, Copy)]
pub(super) struct PublicOnly;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let public: Vec<SocketAddr> = found.filter(|address| is_public(address.ip())).collect();
            if public.is_empty() {
                return Err(Blocked.into());
            }
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}

/// Checks an address that stands in the URL itself: no resolver sees it.
pub(super) fn check_literal(url: &Url) -> Result<(), Blocked> {
    let address: IpAddr = match url.host() {
        Some(Host::Ipv4(address)) => address.into(),
        Some(Host::Ipv6(address)) => address.into(),
        Some(Host::Domain(_)) | None => return Ok(()),
    };
    if is_public(address) { Ok(()) } else { Err(Blocked) }
}

/// Whether an address belongs to the public internet.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

/// What IANA's registry of special-purpose IPv4 addresses does not call global, and multicast. Clouds keep their metadata
/// services among the link-local addresses, within carrier-grade NAT, and in 192.0.0.0/24.
fn is_public_v4(address: Ipv4Addr) -> bool {
    let own = address.is_private() || address.is_loopback() || address.is_link_local();
    let special = match address.octets() {
        // Carrier-grade NAT.
        [100, second, ..] => (64..128).contains(&second),
        // Protocol assignments, the old 6to4 relays, benchmarks.
        [192, 0, 0, _] | [192, 88, 99, _] | [198, 18 | 19, ..] => true,
        // This network; multicast and reserved.
        [first, ..] => first == 0 || first >= 224,
    };
    !own && !special && !address.is_documentation()
}

/// Global unicast without what carries or documents other addresses; an IPv4 address in disguise counts as itself.
fn is_public_v6(address: Ipv6Addr) -> bool {
    if let Some(mapped) = address.to_ipv4_mapped() {
        return is_public_v4(mapped);
    }
    match address.segments() {
        // NAT64: the network reaches IPv4 only this way.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => is_public_v4(Ipv4Addr::from(u32::from(high) << 16 | u32::from(low))),
        // Teredo and other protocol assignments, 6to4, documentation.
        [0x2001, second, ..] => second >= 0x0200 && second != 0x0db8,
        [0x2002, ..] => false,
        [0x3fff, second, ..] => second >= 0x1000,
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_network_in_any_disguise_is_not_public() {
        for address in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.192",
            "192.168.1.1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::127.0.0.1",
            "64:ff9b::a9fe:a9fe",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "3fff::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!is_public(address.parse().expect("an address")), "{address}");
        }
    }

    #[test]
    fn the_internet_is_public() {
        for address in [
            "1.1.1.1",
            "100.63.255.255",
            "100.128.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "223.255.255.255",
            "2001:4860:4860::8888",
            "2a00:1450::1",
            "64:ff9b::101:101",
            "::ffff:1.1.1.1",
        ] {
            assert!(is_public(address.parse().expect("an address")), "{address}");
        }
    }

    #[test]
    fn odd_spellings_of_an_address_are_seen_through() {
        for url in ["http://2130706433/", "http://0x7f.1/", "http://0177.0.0.1/", "http://[::ffff:7f00:1]/"] {
            assert_eq!(check_literal(&Url::parse(url).expect("a URL")), Err(Blocked), "{url}");
        }
        assert_eq!(check_literal(&Url::parse("https://1.1.1.1/").expect("a URL")), Ok(()));
        assert_eq!(check_literal(&Url::parse("https://localhost/").expect("a URL")), Ok(()), "the resolver's turn");
    }
}
