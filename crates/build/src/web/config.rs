//! The text of the server's settings (*nginx documentation, Core functionality* and the HTTP modules).

use std::fmt::Write as _;

use super::types::TYPES;

/// What the text depends on. All texts are plain.
pub(super) struct Facts<'a> {
    /// Where the files are.
    pub(super) root: &'a str,
    pub(super) ports: &'a [u16],
    pub(super) fallback: Option<&'a str>,
    pub(super) has_not_found_page: bool,
    /// What tells this set of files from others.
    pub(super) tag: &'a str,
}

/// Before the types of files. Nothing is written but the server's number, into the memory that every
/// container has: the root may be read-only. Messages go to where a container's runtime collects them. Two workers, not one for each processor: a container's share of a large machine
/// is small, and files are served as fast by two.
const HEAD: &str = "\
# Made by Lightship for the web files of this image.
daemon off;
worker_processes 2;
pid /dev/shm/nginx.pid;
error_log stderr warn;

events {
    worker_connections 1024;
}

http {
    access_log /dev/stdout;
    client_body_temp_path /tmp/nginx-client-body;
    proxy_temp_path /tmp/nginx-proxy;
    fastcgi_temp_path /tmp/nginx-fastcgi;
    uwsgi_temp_path /tmp/nginx-uwsgi;
    scgi_temp_path /tmp/nginx-scgi;

    sendfile on;
    tcp_nopush on;
    keepalive_timeout 65;
    server_tokens off;
    absolute_redirect off;

    gzip_static on;
    gzip on;
    gzip_vary on;
    gzip_proxied any;
    gzip_min_length 1024;
    gzip_types text/css text/csv text/javascript text/markdown text/plain text/vtt text/xml
        application/atom+xml application/geo+json application/json application/ld+json
        application/manifest+json application/rss+xml application/wasm application/xhtml+xml
        application/xml font/otf font/ttf image/svg+xml image/vnd.microsoft.icon;

    charset utf-8;
    charset_types text/css text/csv text/javascript text/markdown text/plain text/vtt text/xml
        application/json application/manifest+json;
    default_type application/octet-stream;
";

/// Names that build tools give to files whose name changes with their content: they never go stale. All
/// others are asked for again each time, and answered without their content if nothing changed.
const CACHING: &str = r#"
    map $uri $caching {
        default "no-cache";
        # name.3f9a21bc.js, name-3f9a21bc04d1.css: webpack, Parcel, Rollup
        "~[.-](?=[0-9a-f]*[0-9])(?=[0-9a-f]*[a-f])[0-9a-f]{8,64}\.([0-9A-Za-z]+\.)?[0-9A-Za-z]+$" "public, max-age=31536000, immutable";
        # main-5TJGZP4O.js: esbuild, Angular
        "~-(?=[0-9A-Z]*[0-9])(?=[0-9A-Z]*[A-Z])[0-9A-Z]{8}\.(css|js|mjs)$" "public, max-age=31536000, immutable";
        # assets/index-DiwrgT3a.js: Vite
        "~/assets/.*[.-](?=[^.]{0,7}[0-9])(?=[^.]{0,7}[A-Z])(?=[^.]{0,7}[a-z])[0-9A-Za-z_-]{8}\.[0-9A-Za-z]+$" "public, max-age=31536000, immutable";
        "~/(_app/immutable|_next/static|_astro)/" "public, max-age=31536000, immutable";
    }

    # Every file of an image has the same time, so times tell nothing.
    etag off;
    if_modified_since off;
    add_header Last-Modified "";
    add_header Cache-Control $caching;
    add_header X-Content-Type-Options nosniff;
"#;

/// Files that a single-page application loads by name: a missing one is missing.
const FILES: &str = "avif|css|gif|gz|ico|jpe?g|js|json|map|mjs|mp3|mp4|otf|pdf|png|svg|ttf|txt|wasm|webm|webmanifest|webp|woff2?|xml|zip";

/// Writes them.
pub(super) fn text(facts: &Facts<'_>) -> String {
    let mut text = HEAD.to_owned();
    text.push_str("    types {\n");
    for (kind, endings) in TYPES {
        let _ = writeln!(text, "        {kind} {endings};");
    }
    text.push_str("    }\n");
    text.push_str(CACHING);
    let tag = facts.tag;
    let _ = write!(text, "    add_header ETag 'W/\"{tag}\"';\n\n    server {{\n");
    for port in facts.ports {
        let _ = writeln!(text, "        listen {port};");
    }
    let _ = writeln!(text, "        root {};\n        index index.html;", facts.root);
    let _ = writeln!(
        text,
        "        if ($http_if_none_match ~ {tag}) {{\n            return 304;\n        }}"
    );
    if facts.has_not_found_page {
        text.push_str("        error_page 404 /404.html;\n");
    }
    let otherwise = facts.fallback.map_or("=404".to_owned(), |file| format!("/{file}"));
    text.push_str("        location ~ /\\.(?!well-known/) {\n            return 404;\n        }\n");
    if facts.fallback.is_some() {
        let _ = writeln!(
            text,
            "        location ~* \\.({FILES})$ {{\n            try_files $uri =404;\n        }}"
        );
    }
    let _ = writeln!(
        text,
        "        location / {{\n            try_files $uri $uri.html $uri/ {otherwise};\n        }}\n    }}\n}}"
    );
    text
}
