//! Pages of an Ogg file, and the packets in them.
//!
//! Promise: it reads from whatever bytes, never panics, and tells what it had to leave away: a page whose checksum is wrong, a
//! packet whose other half is missing, bytes that are no page. Rejected: the crate `ogg`, which ends at the first page that is
//! damaged and does not tell a file that is cut off from one that is whole.

/// One page.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Page<'a> {
    /// The stream that it belongs to.
    pub serial: u32,
    /// Its number in that stream.
    pub sequence: u32,
    /// The position at the end of the last packet that ends here; nothing where none does.
    pub granule: Option<u64>,
    /// Whether it is the first of its stream.
    pub first: bool,
    /// Whether it is the last of its stream.
    pub last: bool,
    /// Whether it begins within a packet.
    continued: bool,
    lengths: &'a [u8],
    body: &'a [u8],
}

/// What can be read of a file, and what is the matter with the rest.
#[derive(Debug, Default)]
pub(crate) struct Pages<'a> {
    pub pages: Vec<Page<'a>>,
    pub problems: Vec<String>,
}

const MARK: &[u8] = b"OggS";
const HEADER: usize = 27;

/// All pages of a file.
pub(crate) fn pages(bytes: &[u8]) -> Pages<'_> {
    let mut found = Pages::default();
    let (mut at, mut stray) = (0, 0);
    while at < bytes.len() {
        match page(&bytes[at..]) {
            Ok((page, length)) => {
                found.pages.push(page);
                at += length;
            }
            Err(bad) => {
                if let Some(bad) = bad {
                    found.problems.push(format!("at byte {at} {bad}"));
                }
                // The next page may be whole.
                let next = bytes[at + 1..].windows(MARK.len()).position(|w| w == MARK);
                let next = next.map_or(bytes.len(), |next| at + 1 + next);
                if bad.is_none() {
                    stray += next - at;
                }
                at = next;
            }
        }
    }
    if stray > 0 {
        found
            .problems
            .push(format!("{stray} bytes belong to no page"));
    }
    found
}

/// The page at the beginning of the bytes, and its length. Otherwise what is wrong with it, or nothing where there is none.
fn page(bytes: &[u8]) -> Result<(Page<'_>, usize), Option<&'static str>> {
    if !bytes.starts_with(MARK) {
        return Err(None);
    }
    const CUT: &str = "a page is cut off";
    let header = bytes.get(..HEADER).ok_or(Some(CUT))?;
    if header[4] != 0 {
        return Err(Some("a page is of a version that is not known"));
    }
    let number = |at: usize| {
        u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]])
    };
    let lengths = bytes
        .get(HEADER..HEADER + usize::from(header[26]))
        .ok_or(Some(CUT))?;
    let start = HEADER + lengths.len();
    let end = start + lengths.iter().map(|n| usize::from(*n)).sum::<usize>();
    let body = bytes.get(start..end).ok_or(Some(CUT))?;
    if checksum(&bytes[..end]) != number(22) {
        return Err(Some("the checksum of a page is wrong"));
    }
    let granule = u64::from(number(6)) | u64::from(number(10)) << 32;
    let page = Page {
        serial: number(14),
        sequence: number(18),
        granule: (granule != u64::MAX).then_some(granule),
        continued: header[5] & 1 != 0,
        first: header[5] & 2 != 0,
        last: header[5] & 4 != 0,
        lengths,
        body,
    };
    Ok((page, end))
}

/// The sum of a page, its own place taken as zeros: the polynomial 0x04C11DB7, not reflected, from 0.
fn checksum(page: &[u8]) -> u32 {
    const TABLE: [u32; 256] = table();
    let step = |sum: u32, byte: u8| sum << 8 ^ TABLE[usize::from((sum >> 24) as u8 ^ byte)];
    let zeroed = page.iter().enumerate();
    zeroed.fold(0, |sum, (at, byte)| {
        step(sum, if (22..26).contains(&at) { 0 } else { *byte })
    })
}

const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut at = 0;
    while at < 256 {
        let mut sum = (at as u32) << 24;
        let mut bit = 0;
        while bit < 8 {
            sum = sum << 1 ^ if sum >> 31 == 1 { 0x04C1_1DB7 } else { 0 };
            bit += 1;
        }
        table[at] = sum;
        at += 1;
    }
    table
}

/// Puts the packets of one stream together.
#[derive(Debug, Default)]
pub(crate) struct Packets {
    part: Vec<u8>,
    /// Whether `part` is the beginning of a packet that goes on.
    open: bool,
    next: Option<u32>,
    pub problems: Vec<String>,
}

impl Packets {
    /// The packets that end on this page.
    pub fn add(&mut self, page: &Page<'_>) -> Vec<Vec<u8>> {
        if self.next.is_some_and(|next| next != page.sequence) {
            self.problems.push(format!(
                "page {} comes where page {} should",
                page.sequence,
                self.next.unwrap_or_default()
            ));
            self.open = false;
        }
        self.next = Some(page.sequence.wrapping_add(1));
        let mut whole = Vec::new();
        // The rest of a packet whose beginning is not there.
        let mut headless = page.continued && !self.open;
        if headless || self.open && !page.continued {
            self.problems.push("half of a packet is missing".to_owned());
        }
        if !self.open || !page.continued {
            self.part.clear();
        }
        self.open = page.continued && self.open;
        let mut at = 0;
        for length in page.lengths {
            let end = at + usize::from(*length);
            self.part.extend_from_slice(&page.body[at..end]);
            at = end;
            // 255 says that the packet goes on.
            self.open = *length == 255;
            if !self.open {
                let packet = std::mem::take(&mut self.part);
                if !std::mem::take(&mut headless) {
                    whole.push(packet);
                }
            }
        }
        if headless {
            self.open = false;
        }
        whole
    }

    /// Whether a packet has begun and not ended.
    pub fn is_open(&self) -> bool {
        self.open
    }
}
