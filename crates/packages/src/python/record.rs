//! RECORD: which files a distribution installed (*`PyPA`, Recording installed projects, The RECORD
//! file*), a table of comma-separated values with a path in its first column.

/// The paths, as written: relative to the folder that holds the `*.dist-info` folder, or absolute.
/// Quotes and doubled quotes are resolved; a quote that never closes ends with the input.
pub fn parse_record(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut paths = Vec::new();
    let mut rest = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    while !rest.is_empty() {
        let (path, after) = first_field(rest);
        if !path.is_empty() {
            paths.push(path);
        }
        rest = skip_row(after);
    }
    paths
}

/// The first field of a row, and what follows it.
fn first_field(row: &[u8]) -> (Vec<u8>, &[u8]) {
    let Some(mut inside) = row.strip_prefix(b"\"") else {
        let end = row.iter().position(|b| b",\r\n".contains(b)).unwrap_or(row.len());
        return (row[..end].to_vec(), &row[end..]);
    };
    let mut field = Vec::new();
    loop {
        let Some(quote) = inside.iter().position(|b| *b == b'"') else {
            field.extend_from_slice(inside);
            return (field, b"");
        };
        field.extend_from_slice(&inside[..quote]);
        inside = &inside[quote + 1..];
        match inside.strip_prefix(b"\"") {
            Some(after) => {
                field.push(b'"');
                inside = after;
            }
            None => return (field, inside),
        }
    }
}

/// What follows the end of this row; a line break inside quotes does not end it.
fn skip_row(row: &[u8]) -> &[u8] {
    let mut quoted = false;
    for (at, byte) in row.iter().enumerate() {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' if !quoted => return &row[at + 1..],
            _ => {}
        }
    }
    b""
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_commas_and_line_breaks() {
        let record = b"a/__init__.py,sha256=x,12\r\n\"odd, \"\"name\"\".py\",sha256=y,3\n../../../bin/a,,\n\"two\nlines\",\"x\ny\",\n\nlast.py";
        let paths: Vec<String> =
            parse_record(record).into_iter().map(|p| String::from_utf8(p).unwrap()).collect();
        assert_eq!(
            paths,
            ["a/__init__.py", "odd, \"name\".py", "../../../bin/a", "two\nlines", "last.py"]
        );
        assert_eq!(parse_record(b"\"never closed,1\n"), [b"never closed,1\n"]);
        assert!(parse_record(b"\r\n,,\n").is_empty());
    }
}
