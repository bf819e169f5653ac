//! Codes and names of countries. Names as shops of our field show them: in English, in the country's own language, and in Czech,
//! Slovak, Hungarian, Polish, Romanian, German and Dutch where they differ.

use std::{collections::BTreeMap, sync::LazyLock};

/// Every officially assigned code of two letters (ISO 3166-1, as of 2025).
const CODES: &str = "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA CC \
CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL \
GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI \
LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE \
PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ \
TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW";

/// The code, then the code of three letters and the names.
const NAMES: &[(&str, &str)] = &[
    ("AT", "AUT|Austria|Österreich|Rakousko|Rakúsko|Ausztria|Oostenrijk"),
    ("BE", "BEL|Belgium|België|Belgique|Belgien|Belgie|Belgicko|Belgia"),
    ("BG", "BGR|Bulgaria|България|Bulharsko|Bulgária|Bułgaria|Bulgarien|Bulgarije"),
    ("CH", "CHE|Switzerland|Schweiz|Suisse|Svizzera|Švýcarsko|Švajčiarsko|Svájc|Szwajcaria|Elveția|Zwitserland"),
    ("CY", "CYP|Cyprus|Κύπρος|Kypr|Ciprus|Cypr|Cipru|Zypern"),
    (
        "CZ",
        "CZE|Czechia|Czech Republic|Česko|Česká republika|Csehország|Cseh Köztársaság|Czechy|Republika Czeska|Cehia|Republica Cehă|\
         Tschechien|Tschechische Republik|Tsjechië",
    ),
    ("DE", "DEU|Germany|Deutschland|Německo|Nemecko|Németország|Niemcy|Germania|Duitsland|BRD"),
    ("DK", "DNK|Denmark|Danmark|Dánsko|Dánia|Dania|Danemarca|Dänemark|Denemarken"),
    ("EE", "EST|Estonia|Eesti|Estonsko|Estónsko|Észtország|Estland"),
    ("ES", "ESP|Spain|España|Španělsko|Španielsko|Spanyolország|Hiszpania|Spania|Spanien|Spanje"),
    ("FI", "FIN|Finland|Suomi|Finsko|Fínsko|Finnország|Finlandia|Finlanda|Finnland"),
    ("FR", "FRA|France|Francie|Francúzsko|Franciaország|Francja|Franța|Frankreich|Frankrijk"),
    (
        "GB",
        "GBR|United Kingdom|Great Britain|UK|England|Scotland|Wales|Velká Británie|Spojené království|Veľká Británia|Nagy-Britannia|\
         Egyesült Királyság|Wielka Brytania|Marea Britanie|Regatul Unit|Großbritannien|Vereinigtes Königreich|Verenigd Koninkrijk",
    ),
    ("GR", "GRC|EL|Greece|Ελλάδα|Řecko|Grécko|Görögország|Grecja|Grecia|Griechenland|Griekenland"),
    ("HR", "HRV|Croatia|Hrvatska|Chorvatsko|Chorvátsko|Horvátország|Chorwacja|Croația|Kroatien|Kroatië"),
    ("HU", "HUN|Hungary|Magyarország|Maďarsko|Węgry|Ungaria|Ungarn|Hongarije"),
    ("IE", "IRL|Ireland|Éire|Irsko|Írsko|Írország|Irlandia|Irlanda|Irland|Ierland"),
    ("IT", "ITA|Italy|Italia|Itálie|Taliansko|Olaszország|Włochy|Italien|Italië"),
    ("LI", "LIE|Liechtenstein|Lichtenštejnsko|Lichtenštajnsko"),
    ("LT", "LTU|Lithuania|Lietuva|Litva|Litvánia|Litwa|Lituania|Litauen|Litouwen"),
    ("LU", "LUX|Luxembourg|Luxemburg|Lucembursko|Luxembursko|Luksemburg"),
    ("LV", "LVA|Latvia|Latvija|Lotyšsko|Lettország|Łotwa|Letonia|Lettland|Letland"),
    ("MT", "MLT|Malta|Málta"),
    (
        "NL",
        "NLD|Netherlands|The Netherlands|Nederland|Holland|Nizozemsko|Nizozemí|Holandsko|Hollandia|Holandia|Olanda|Niederlande",
    ),
    ("NO", "NOR|Norway|Norge|Norsko|Nórsko|Norvégia|Norwegia|Norvegia|Norwegen|Noorwegen"),
    ("PL", "POL|Poland|Polska|Polsko|Poľsko|Lengyelország|Polonia|Polen"),
    ("PT", "PRT|Portugal|Portugalsko|Portugália|Portugalia"),
    ("RO", "ROU|ROM|Romania|România|Rumunsko|Románia|Rumunia|Rumänien|Roemenië"),
    ("RS", "SRB|Serbia|Srbija|Srbsko|Szerbia|Serbien|Servië"),
    ("SE", "SWE|Sweden|Sverige|Švédsko|Svédország|Szwecja|Suedia|Schweden|Zweden"),
    ("SI", "SVN|Slovenia|Slovenija|Slovinsko|Szlovénia|Słowenia|Slowenien|Slovenië"),
    ("SK", "SVK|Slovakia|Slovak Republic|Slovensko|Slovenská republika|Szlovákia|Słowacja|Slovacia|Slowakei|Slowakije"),
    ("TR", "TUR|Turkey|Türkiye|Turecko|Törökország|Turcja|Turcia|Türkei|Turkije"),
    ("UA", "UKR|Ukraine|Україна|Ukrajina|Ukrajna|Ukraina|Ucraina|Oekraïne"),
    (
        "US",
        "USA|United States|United States of America|Spojené státy|Spojené štáty|Egyesült Államok|Amerikai Egyesült Államok|\
         Stany Zjednoczone|Statele Unite|Vereinigte Staaten|Verenigde Staten",
    ),
];

/// The longest name, in bytes; what is longer need not be looked at.
const LONGEST: usize = 64;

/// Whether a text is a code of two letters, in upper case.
pub(super) fn is_code(text: &str) -> bool {
    text.len() == 2 && CODES.split(' ').any(|code| code == text)
}

/// The code of a country that is given by a code or a name, without regard to case, accents and points.
pub(super) fn code_of(text: &str) -> Option<&'static str> {
    static KNOWN: LazyLock<BTreeMap<String, &'static str>> = LazyLock::new(|| {
        let names = NAMES.iter().flat_map(|(code, names)| names.split('|').map(|name| (plain(name), *code)));
        CODES.split(' ').map(|code| (plain(code), code)).chain(names).collect()
    });
    if text.len() > LONGEST {
        return None;
    }
    KNOWN.get(&plain(text)).copied()
}

/// Lower case, without accents, points and white space around.
fn plain(text: &str) -> String {
    text.trim().to_lowercase().chars().filter(|c| *c != '.').map(without_accent).collect()
}

fn without_accent(c: char) -> char {
    match c {
        'á' | 'ä' | 'â' | 'ă' | 'à' | 'ą' => 'a',
        'č' | 'ç' | 'ć' => 'c',
        'ď' => 'd',
        'é' | 'ě' | 'ë' | 'è' | 'ę' => 'e',
        'í' | 'î' | 'ï' => 'i',
        'ĺ' | 'ľ' | 'ł' => 'l',
        'ň' | 'ń' | 'ñ' => 'n',
        'ó' | 'ö' | 'ő' | 'ô' => 'o',
        'ř' | 'ŕ' => 'r',
        'š' | 'ş' | 'ș' | 'ś' => 's',
        'ť' | 'ţ' | 'ț' => 't',
        'ú' | 'ů' | 'ü' | 'ű' => 'u',
        'ý' => 'y',
        'ž' | 'ź' | 'ż' => 'z',
        c => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_codes_and_case() {
        for (text, code) in [
            ("cz", "CZ"),
            ("CZE", "CZ"),
            (" Česká Republika ", "CZ"),
            ("ceska republika", "CZ"),
            ("MAGYARORSZAG", "HU"),
            ("Rumänien", "RO"),
            ("U.K.", "GB"),
            ("JP", "JP"),
            ("EL", "GR"),
        ] {
            assert_eq!(code_of(text), Some(code), "{text}");
        }
        for text in ["", "XX", "Atlantis", "C Z"] {
            assert_eq!(code_of(text), None, "{text}");
        }
    }

    #[test]
    fn no_name_stands_for_two_countries() {
        let mut known: BTreeMap<String, &str> = BTreeMap::new();
        for (code, names) in NAMES {
            assert!(is_code(code), "{code}");
            for name in names.split('|') {
                assert!(known.insert(plain(name), code).is_none_or(|other| other == *code), "{name}");
                assert!(!is_code(name) || name == *code, "{name} is a country's code");
            }
        }
        assert_eq!(CODES.split(' ').count(), 249);
    }
}
