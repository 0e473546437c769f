//! URLs on the way of a request over HTTP: where a redirect leads, and what of them may be shown.

use hyper::Uri;
use hyper::http::uri::{Authority, PathAndQuery, Scheme};

use super::address::Origin;

/// `url` without what may be secret in it: the query, and who asks.
pub(super) fn shown(url: &Uri) -> String {
    match Origin::of(url) {
        Some(origin) => format!("{origin}{}", url.path()),
        None => String::from("an unusable URL"),
    }
}

/// Where a redirect from `base` leads to, or `None` if `location` is no `http` or `https` URL, or
/// no reference to one (RFC 3986, section 5.2).
pub(super) fn redirected(base: &Uri, location: &str) -> Option<Uri> {
    let location = location.split('#').next().unwrap_or_default();
    let (scheme, authority, reference) = match location.split_once("://") {
        Some((scheme, rest)) if !scheme.contains(['/', '?']) => {
            let at = rest.find(['/', '?']).unwrap_or(rest.len());
            (scheme.to_ascii_lowercase().parse().ok()?, rest[..at].parse().ok()?, &rest[at..])
        }
        _ => match location.strip_prefix("//") {
            Some(rest) => {
                let at = rest.find(['/', '?']).unwrap_or(rest.len());
                (base.scheme()?.clone(), rest[..at].parse().ok()?, &rest[at..])
            }
            None => return joined(base.scheme()?.clone(), base.authority()?.clone(), base, location),
        },
    };
    joined(scheme, authority, &Uri::default(), reference)
}

/// The URL of `reference`, a path or a query, at `authority`, as seen from the path of `base`.
fn joined(scheme: Scheme, authority: Authority, base: &Uri, reference: &str) -> Option<Uri> {
    let (path, query) = match reference.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (reference, None),
    };
    let path = if path.starts_with('/') {
        without_dots(path)
    } else if path.is_empty() {
        base.path().to_owned()
    } else {
        let parent = base.path().rsplit_once('/').map_or("", |(parent, _)| parent);
        without_dots(&format!("{parent}/{path}"))
    };
    let whole = match query {
        Some(query) => format!("{path}?{query}"),
        None => path,
    };
    let url = Uri::builder()
        .scheme(scheme)
        .authority(authority)
        .path_and_query(whole.parse::<PathAndQuery>().ok()?)
        .build()
        .ok()?;
    Origin::of(&url).map(|_| url)
}

/// The path with `.` and `..` taken as what they mean (RFC 3986, section 5.2.4).
fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        match segment {
            "." | ".." => {
                if segment == ".." {
                    kept.pop();
                }
                if is_last {
                    kept.push("");
                }
            }
            _ => kept.push(segment),
        }
    }
    format!("/{}", kept.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(text: &str) -> Uri {
        text.parse().unwrap()
    }

    #[test]
    fn what_is_shown_of_a_url_is_no_secret() {
        assert_eq!(shown(&uri("https://user:pass@host:1/path?token=abc")), "https://host:1/path");
    }

    #[test]
    fn a_redirect_is_resolved_as_the_rfc_says() {
        let base = uri("https://a.b:1/v1/traces?q=1");
        for (location, expected) in [
            ("http://c/x?y#z", "http://c/x?y"),
            ("http://c", "http://c/"),
            ("HTTP://c?y", "http://c/?y"),
            ("//c:2/x", "https://c:2/x"),
            ("/x/../y/./z", "https://a.b:1/y/z"),
            ("other", "https://a.b:1/v1/other"),
            ("../other/", "https://a.b:1/other/"),
            ("../../../..", "https://a.b:1/"),
            ("?p=http://c", "https://a.b:1/v1/traces?p=http://c"),
            ("", "https://a.b:1/v1/traces"),
        ] {
            let url = redirected(&base, location);
            assert_eq!(url.map(|url| url.to_string()).as_deref(), Some(expected), "{location}");
        }
        for location in ["ftp://c/", "http://", "http:///x", "/a b", "https://[::/"] {
            assert_eq!(redirected(&base, location), None, "{location}");
        }
    }
}
