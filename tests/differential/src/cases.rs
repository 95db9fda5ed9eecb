//! Streams of frames: valid ones, and such with one mistake.

use crate::rng::Rng;

/// The bytes that an endpoint receives.
#[derive(Clone, Debug)]
pub struct Case {
    /// Whether the endpoint is the server.
    pub server: bool,
    pub bytes: Vec<u8>,
}

/// Payloads: text of each length of UTF-8, and text that is none.
const TEXTS: [&[u8]; 5] = [
    b"",
    b"hi",
    "é".as_bytes(),
    "€uro".as_bytes(),
    "a😀".as_bytes(),
];
const BROKEN: [&[u8]; 6] = [
    b"\xff",
    b"\xc0\x80",
    b"\xed\xa0\x80",
    b"\xf4\x90\x80\x80",
    b"ab\xe2\x82",
    b"\x80a",
];
/// Close codes with and without permission (RFC 6455 §7.4).
const CODES: [u16; 24] = [
    0, 999, 1000, 1001, 1002, 1003, 1004, 1005, 1006, 1007, 1008, 1009, 1010, 1011, 1012, 1013,
    1014, 1015, 1016, 2999, 3000, 3999, 4999, 5000,
];

impl Case {
    /// One to five frames of a conversation; in most cases one of them has a mistake.
    pub fn random(rng: &mut Rng) -> Self {
        let mut case = Self {
            server: rng.below(2) == 0,
            bytes: Vec::new(),
        };
        let frames = 1 + rng.below(5);
        let wrong = if rng.below(4) == 0 {
            frames
        } else {
            rng.below(frames)
        };
        let mut open = false;
        for i in 0..frames {
            case.frame(rng, &mut open, i == wrong);
        }
        if rng.below(8) == 0 {
            let len = rng.below(case.bytes.len() + 1);
            case.bytes.truncate(len);
        }
        if rng.below(10) == 0 && !case.bytes.is_empty() {
            let at = rng.below(case.bytes.len());
            case.bytes[at] ^= 1 << rng.below(8);
        }
        case
    }

    fn frame(&mut self, rng: &mut Rng, open: &mut bool, wrong: bool) {
        // A choice that is right, or not if the frame is wrong.
        let opcode = match rng.below(8) {
            0 => 9,
            1 => 10,
            2 if rng.below(2) == 0 => 8,
            _ if *open => 0,
            _ => 1 + rng.below(2) as u8,
        };
        let mut payload = match opcode {
            8 => self.close(rng),
            _ => TEXTS[rng.below(TEXTS.len())].to_vec(),
        };
        if opcode < 3 && rng.below(6) == 0 {
            payload = payload.repeat(rng.below(60));
        }
        let mut fin = opcode > 7 || rng.below(3) > 0;
        if opcode < 3 {
            *open = !fin;
        }
        let (mut opcode, mut rsv, mut masked, mut form) = (opcode, 0, self.server, 0);
        if wrong {
            match rng.below(9) {
                0 => rsv = 1 << rng.below(3),
                1 => opcode = 3 + rng.below(5) as u8 + 8 * rng.below(2) as u8,
                2 => masked = !masked,
                3 => form = 1 + rng.below(2),
                4 => payload = BROKEN[rng.below(BROKEN.len())].to_vec(),
                5 => (opcode, fin) = (8 + rng.below(3) as u8, false),
                6 => (opcode, payload) = (8 + rng.below(3) as u8, vec![b'x'; 126]),
                7 => opcode = rng.below(3) as u8,
                _ => {
                    opcode = 8;
                    fin = true;
                    payload = CODES[rng.below(CODES.len())].to_be_bytes().to_vec();
                    match rng.below(4) {
                        0 => payload.truncate(1),
                        1 => payload.extend(BROKEN[rng.below(BROKEN.len())]),
                        _ => {}
                    }
                }
            }
        }
        self.put(
            u8::from(fin) << 7 | rsv << 4 | opcode,
            masked,
            form,
            &payload,
        );
    }

    fn close(&self, rng: &mut Rng) -> Vec<u8> {
        match rng.below(3) {
            0 => Vec::new(),
            1 => vec![3, 232],
            _ => b"\x03\xe9going".to_vec(),
        }
    }

    /// `form` 1 and 2 write the length with 16 and 64 bits, also if it is short (RFC 6455 §5.2).
    fn put(&mut self, first: u8, masked: bool, form: usize, payload: &[u8]) {
        let mask = u8::from(masked) << 7;
        let len = payload.len();
        match len {
            _ if form == 2 => {
                self.bytes.extend([first, mask | 127]);
                self.bytes.extend((len as u64).to_be_bytes());
            }
            126.. => {
                self.bytes.extend([first, mask | 126]);
                self.bytes.extend((len as u16).to_be_bytes());
            }
            _ if form == 1 => {
                self.bytes.extend([first, mask | 126]);
                self.bytes.extend((len as u16).to_be_bytes());
            }
            _ => self.bytes.extend([first, mask | len as u8]),
        }
        let key = if masked {
            [0x37, 0xfa, 0x21, 0x3d]
        } else {
            [0; 4]
        };
        if masked {
            self.bytes.extend(key);
        }
        let bytes = payload.iter().zip(key.iter().cycle());
        self.bytes.extend(bytes.map(|(byte, key)| byte ^ key));
    }

    /// Whether the last frame is not complete. An endpoint may reject it at its header or later.
    pub fn is_incomplete(&self) -> bool {
        let mut rest = &self.bytes[..];
        while let [_, second, after @ ..] = rest {
            let wide = match second & 0x7f {
                126 => 2,
                127 => 8,
                _ => 0,
            };
            if after.len() < wide {
                return true;
            }
            let (field, after) = after.split_at(wide);
            let len = field
                .iter()
                .fold(0u64, |len, byte| len << 8 | u64::from(*byte));
            let len = if wide == 0 {
                u64::from(second & 0x7f)
            } else {
                len
            };
            let len = len.saturating_add(if second & 0x80 == 0 { 0 } else { 4 });
            match usize::try_from(len).ok().and_then(|len| after.get(len..)) {
                Some(next) => rest = next,
                None => return true,
            }
        }
        !rest.is_empty()
    }

    /// The case as a person can repeat it.
    pub fn line(&self) -> String {
        let role = if self.server { "server" } else { "client" };
        let bytes = &self.bytes[..self.bytes.len().min(40)];
        format!("{role} {}", hex(bytes))
    }
}

/// Bytes as hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
