"""What the tokenizer in `ptb_tokenizer.py` knows by heart: characters and abbreviations.

Every table was found by feeding Stanford's tokenizer (the jar inside pycocoevalcap 1.2): each
character of the Basic Multilingual Plane between two letters, each word of up to four letters and
277,646 others before and after a full stop, and each word with apostrophes put into it.
"""

# Code points and ranges, hexadecimal. Unassigned ones may lie inside a range.

# May be part of any word.
LETTERS = """
    00AA 00B5 00BA 00C0-00D6 00D8-00F6 00F8-02C1 02C6-02D1 02E0-02E4 02EC 02EE 0370-0374
    0376-0377 037A-037D 0386 0388-03F5 03F7-0481 048A-0527 0531-0559 0561-0587 05D0-05EA
    05F0-05F2 0620-064A 066E-066F 0671-06D3 06D5 06E5-06E6 06EE-06EF 06FA-06FC 06FF 0710
    0712-072F 074D-07A5 07B1 07CA-07EA 07F4-07F5 07FA 0800-0815 081A 0824 0828 0840-0858 08A0
    08A2-08AC 0904-0939 093D 0950 0958-0961 0971-0977 0979-097F 0985-09B9 09BD 09CE 09DC-09E1
    09F0-09F1 0A05-0A39 0A59-0A5E 0A72-0A74 0A85-0AB9 0ABD 0AD0-0AE1 0B05-0B39 0B3D 0B5C-0B61
    0B71 0B83-0BB9 0BD0 0C05-0C33 0C35-0C39 0C3D 0C58-0C59 0C60-0C61 0C85-0CB9 0CBD 0CDE-0CE1
    0CF1-0CF2 0D05-0D3A 0D3D 0D4E 0D60-0D61 0D7A-0D7F 0D85-0DC6 0E01-0E30 0E32-0E33 0E40-0E46
    0E81-0E84 0E87-0E88 0E8A 0E8D 0E94-0E97 0E99-0E9F 0EA1-0EA7 0EAA-0EAB 0EAD-0EB0 0EB2-0EB3
    0EBD-0EC6 0EDC-0F00 0F40-0F6C 0F88-0F8C 1000-102A 103F 1050-1055 105A-105D 1061 1065-1066
    106E-1070 1075-1081 108E 10A0-10FA 10FC-135A 1380-138F 13A0-13F4 1401-166C 166F-167F
    1681-169A 16A0-16EA 1700-170C 170E-1711 1720-1731 1740-1751 1760-1770 1780-17B3 17D7 17DC
    1820-1877 1880-18A8 18AA-191C 1950-19AB 19C1-19C7 1A00-1A16 1A20-1A54 1AA7 1B05-1B33
    1B45-1B4B 1B83-1BA0 1BAE-1BAF 1BBA-1BE5 1C00-1C23 1C4D-1C4F 1C5A-1C7D 1CE9-1CEC 1CEE-1CF1
    1CF5-1CF6 1D00-1DBF 1E00-1FBC 1FBE 1FC2-1FCC 1FD0-1FDB 1FE0-1FEC 1FF2-1FFC 2071 207F
    2090-209C 2102 2107 210A-2113 2115 2119-211D 2124 2126 2128 212A-212D 212F-2139 213C-213F
    2145-2149 214E 2183-2184 2C00-2C2E 2C30-2C5E 2C60-2CE4 2CEB-2CEE 2CF2-2CF3 2D00-2D6F
    2D80-2DDE 2E2F 3005-3006 3031-3035 303B-303C 3041-3096 309D-309F 30A1-30FA 30FC-312D
    3131-318E 31A0-31BA 31F0-31FF 3400-4DB5 4E00-9FCC A000-A48C A4D0-A4FD A500-A60C A610-A61F
    A62A-A66E A67F-A697 A6A0-A6E5 A717-A71F A722-A788 A78B-A78E A790-A793 A7A0-A7AA A7F8-A801
    A803-A805 A807-A80A A80C-A822 A840-A873 A882-A8B3 A8F2-A8F7 A8FB A90A-A925 A930-A946
    A960-A97C A984-A9B2 A9CF AA00-AA28 AA40-AA42 AA44-AA4B AA60-AA76 AA7A AA80-AAAF AAB1
    AAB5-AAB6 AAB9-AABD AAC0 AAC2-AADD AAE0-AAEA AAF2-AAF4 AB01-AB2E ABC0-ABE2 AC00-D7FB
    F900-FB1D FB1F-FB28 FB2A-FBB1 FBD3-FD3D FD50-FDC7 FDF0-FDFB FE70-FEFC FF21-FF3A FF41-FF5A
    FF66-FFDC
"""

# May be part of a plain word, but not of one with a digit in front, a hyphen or an underscore.
# 00AD is the soft hyphen.
MARKS = """
    00AD 02C2-02C5 02D2-02DF 02E5-02EB 02ED 02EF-036F 0375 0378-0379 0384-0385 03F6 0483-0487
    055A-055F 0591-05BD 05BF 05C1-05C2 05C4-05C5 05C7 0615-061A 064B-065E 0670 06D6-06E4
    06E7-06ED 06FD-06FE 070F 0711 0730-074C 07A6-07B0 07EB-07F3 0900-0903 093C 093E-094E
    0951-0955 0962-0963 0981-0983 09BC 09BE-09CD 09D7 09E2-09E3 0A01-0A03 0A3C-0A4F 0A81-0A83
    0ABC 0ABE-0ACF 0B82 0BBE-0BCD 0C01-0C03 0C3E-0C56 0D3E-0D48 0E31 0E34-0E3A 0E47-0E4E 0EB1
    0EB4-0EBC 0EC8-0ECD
"""

DIGITS = """
    0660-0669 06F0-06F9 07C0-07C9 0966-096F 09E6-09EF 0A66-0A6F 0AE6-0AEF 0B66-0B6F 0BE6-0BEF
    0C66-0C6F 0CE6-0CEF 0D66-0D6F 0E50-0E59 0ED0-0ED9 0F20-0F29 1040-1049 1090-1099 17E0-17E9
    1810-1819 1946-194F 19D0-19D9 1A80-1A99 1B50-1B59 1BB0-1BB9 1C40-1C49 1C50-1C59 A620-A629
    A8D0-A8D9 A900-A909 A9D0-A9D9 AA50-AA59 ABF0-ABF9 FF10-FF19
"""

# Are a token of their own. All other characters outside ASCII are dropped.
SYMBOLS = """
    0080 00A1-00A9 00AC 00AE-00B4 00B6-00B9 00BF 00D7 00F7 037E 0387 0589 05BE 05C0 05C3 05C6
    05F3-0603 0606-060C 0614 061B 061E-061F 066A 066D 06D4 0700-070D 07F6-07F8 0964-0965 0E3F
    0E4F 1FBD 2016-2017 201A 201E-2023 2030-2038 203B 203E-2042 2044 2070 2074-207E 2080-208E
    20A0 20A4 20AC 2100-2101 2103-2106 2108-2109 2114 2116-2118 211E-2123 2125 2127 2129 212E
    213A-213B 2140-2144 214A-214D 214F 2155-215E 2190-2BFF 3001-3002 3012 30FB FF01-FF0F
    FF1A-FF20 FF3B-FF40 FF5B-FF65 FFE0-FFE1 FFE5-FFE6
"""

# Keep their full stop in any case. A sentence may end with one of the first kind.
CLOSING_ABBREVIATIONS = """
    al ala apr ariz assn aug bancorp bhd bldg blvd bros calif co colo conn corp cos ct dak dec
    esq est etc ext feb fla fri ga inc ind intl jan jr jul jun kan kans ky ltd mar md mich minn
    mo mon mont neb nev nov oct okla penn plc rd rt sep sept seq sq
    sr sys tel tenn thu thurs tue tues univ va vt wed wis wisc wyo
"""
TITLE_ABBREVIATIONS = """
    adj adm adv alex assoc asst atty attys ave brig capt cf cie cmdr col comdr cpl dept det dr
    drs elec ens ft gen gov govs hon insp invt jos lieut lt maj messrs mlle mme mr mrs ms
    msgr mt natl pfc ph pres prof profs pvt rep reps rev sen sens sfc sgt spc st ste supt
    supts treas vs wm
"""

# Keep their full stop only with a capital in front: 'a mass. ' ends, 'Mass. ' doesn't.
CAPITAL_ABBREVIATIONS = """
    Ark Az Del Ill La Mass Miss Ore Pa Tex Wash
"""

# Keep their full stop in front of a number: 'no. 5', but 'no .' at the end.
NUMBER_ABBREVIATIONS = """
    art ca fig figs no nos op pp prop
"""

# After 'x. ', one of these tells that the full stop ended a sentence: 'a letter T. The dog'.
SENTENCE_STARTS = """
    A About According Additionally After An As At But Earlier He Her Here However If In It Last Many
    More Now Once One Other Our She Since So Some Such That The Their Then There These They This We
    What When While Yet You
"""

FILE_EXTENSIONS = """
    bat bmp c cgi class cpp dll doc docx exe gif gz h htm html jar java jpeg jpg mov mp3 pdf php pl png
    ppt ps py sql tar txt wav x xml zip
"""
