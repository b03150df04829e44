//! From where a request comes, as far as it can be told.
//!
//! The address of the connection; behind a proxy that the configuration names, the last address in
//! `X-Forwarded-For` that no such proxy has: what stands before it is the word of strangers. Of IPv6 the network
//! (/64) counts, since anybody has a whole one.

use axum::extract::ConnectInfo;
use axum::http::{Extensions, HeaderMap};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// The address, in a form to be compared.
pub(super) fn address(extensions: &Extensions, headers: &HeaderMap, proxies: &[IpAddr]) -> String {
    let Some(ConnectInfo(peer)) = extensions.get::<ConnectInfo<SocketAddr>>() else {
        return String::new();
    };
    let peer = peer.ip().to_canonical();
    if !proxies.contains(&peer) {
        return network(peer);
    }
    let lines = headers.get_all("x-forwarded-for").iter().filter_map(|line| line.to_str().ok());
    let said: Vec<&str> = lines.flat_map(|line| line.split(',')).map(str::trim).collect();
    let stranger = said.iter().rev().map_while(|text| text.parse::<IpAddr>().ok());
    network(stranger.map(|ip| ip.to_canonical()).find(|ip| !proxies.contains(ip)).unwrap_or(peer))
}

fn network(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).to_string()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(peer: &str, forwarded: &[&str]) -> String {
        let mut extensions = Extensions::new();
        extensions.insert(ConnectInfo(SocketAddr::new(peer.parse().unwrap(), 4_000)));
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append("x-forwarded-for", line.parse().unwrap());
        }
        address(&extensions, &headers, &["127.0.0.1".parse().unwrap()])
    }

    #[test]
    fn a_proxy_that_is_known_is_believed_and_nobody_else() {
        assert_eq!(seen("203.0.113.9", &[]), "203.0.113.9");
        assert_eq!(seen("203.0.113.9", &["198.51.100.1"]), "203.0.113.9");
        assert_eq!(seen("127.0.0.1", &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(seen("::ffff:127.0.0.1", &["198.51.100.1, 127.0.0.1"]), "198.51.100.1");
        assert_eq!(seen("127.0.0.1", &["203.0.113.9, 198.51.100.1"]), "198.51.100.1");
        assert_eq!(seen("127.0.0.1", &["203.0.113.9", "nonsense"]), "127.0.0.1");
    }

    #[test]
    fn of_ipv6_the_network_counts() {
        assert_eq!(seen("2001:db8:1:2:3:4:5:6", &[]), seen("2001:db8:1:2:ffff::1", &[]));
        assert_ne!(seen("2001:db8:1:2::1", &[]), seen("2001:db8:1:3::1", &[]));
    }
}
