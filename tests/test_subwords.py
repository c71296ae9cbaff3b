# ruff: noqa: RUF001 - some of GPT-2's printable characters for bytes look like others
"""Byte pairs and word pieces: torchtext's documented pieces and ids, and its rules for words, one by one."""

from __future__ import annotations

import json
import pickle
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from torch import nn

from torchvectors import transforms
from torchvectors.errors import NotFoundError, VocabError
from torchvectors.transforms.bytepairs import Merges

# Byte pairs. Small excerpts of the published vocabularies of GPT-2, CLIP and BERT: the merges and ids that the
# sentences below need, at their true ranks and ids; the rest of each vocabulary is filled up.

GPT2_MERGES = """
Ġ_a i_n r_e e_r Ġ_s e_n i_t i_s a_n o_r e_s o_u a_l Ġ_h i_c o_m l_l Ġ_n o_t Ġ_is o_w a_c Ġ_y l_d it_h Ġy_ou
Ġ_W u_l o_re Ġa_re an_d es_t Ġn_ot Ġs_u p_e en_d om_e i_al in_e p_er a_re u_b ac_e Ġ_V ul_t Ġs_p l_ic
Ġs_pe e_ll Ġh_ow a_w ub_lic Ġspe_c a_j Ġ_< l_ine o_f or_ld e_v Ġspec_ial ĠW_orld Ġsu_per Ġsp_ace Ã_\u00a9
i_j w_ith R_es es_ome Ġ_Ã A_v t_est Ã_³ ell_o p_ublic H_ello m_ult ĠW_o !_, ore_m Å_¡ ij_a Ä_ĩ á_¸ mult_i
"""
GPT2_IDS = """
!_0 ,_11 >_29 ?_30 H_39 a_64 d_67 e_68 i_72 l_75 n_77 r_81 |_91 ®_106 ¶_114 ¿_123 Â_126
Å_129 Ġ_220 Ĭ_232 ķ_243 Ĺ_245 ll_297 Ġis_318 Ġyou_345 Ġare_389 and_392 Ġnot_407 end_437
are_533 ĠV_569 Ġhow_703 aw_707 aj_1228 Ġ<_1279 line_1370 of_1659 ev_1990 Ġspecial_2041
ĠWorld_2159 Ġsuper_2208 Ġspace_2272 Ã©_2634 with_4480 Res_4965 esome_5927 ĠÃ_6184 Av_7355
test_9288 Ã³_10205 public_11377 Hello_15496 ĠWo_22173 !,_28265 orem_29625 Å¡_32790 ija_34655
Äĩ_38325 á¸_41585 multi_41684 ðĿ_47728 <|endoftext|>_50256
"""
GPT2_TEXTS = {
    "Hello World!, how are you?": "15496 2159 28265 703 389 345 30",
    "Hélló  WoŕlḊ¿": "39 2634 297 10205 220 22173 129 243 75 41585 232 126 123",
    "Respublica superiorem": "4965 11377 64 2208 72 29625",
    "Avdija Vršajević în": "7355 67 34655 569 81 32790 1228 1990 72 38325 6184 106 77",
    "multi      space": "41684 220 220 220 220 220 2272",
    "awesome,awe": "707 5927 11 707 68",
}
GPT2_PIECES = {
    "Hello World!, how are you?": ["Hello", "ĠWorld", "!,", "Ġhow", "Ġare", "Ġyou", "?"],
    "Hélló  WoŕlḊ¿": ["H", "Ã©", "ll", "Ã³", "Ġ", "ĠWo", "Å", "ķ", "l", "á¸", "Ĭ", "Â", "¿"],
    "awesome,awe": ["aw", "esome", ",", "aw", "e"],
}


def filled(ids: str, size: int) -> dict[str, int]:
    """Return the ids that are written down, and a piece that nothing has for each other one."""
    known = {piece: int(number) for piece, _, number in (pair.rpartition("_") for pair in ids.split())}
    taken = set(known.values())
    return known | {f"unused {i}": i for i in range(size) if i not in taken}


def merges_file(folder: Path, merges: str) -> Path:
    lines = ["#version: 0.2", *(pair.replace("_", " ") for pair in merges.split()), ""]
    (folder / "vocab.bpe").write_text("\n".join(lines), encoding="utf-8")
    return folder / "vocab.bpe"


@pytest.fixture(scope="module")
def gpt2(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("gpt2")
    (folder / "encoder.json").write_text(json.dumps(filled(GPT2_IDS, 50257)), encoding="utf-8")
    return folder / "encoder.json", merges_file(folder, GPT2_MERGES)


def test_gpt2_gives_torchtext_s_pieces_and_ids(gpt2: tuple[Path, Path]) -> None:
    tokenizer = transforms.GPT2BPETokenizer(*gpt2)
    ids = [written.split() for written in GPT2_TEXTS.values()]
    assert tokenizer(list(GPT2_TEXTS)) == ids
    assert [tokenizer(text) for text in GPT2_TEXTS] == ids
    assert [tokenizer.decode(row) for row in ids] == list(GPT2_TEXTS)
    assert pickle.loads(pickle.dumps(tokenizer))(list(GPT2_TEXTS)) == ids
    pieces = transforms.GPT2BPETokenizer(str(gpt2[0]), str(gpt2[1]), return_tokens=True)
    assert {text: pieces(text) for text in GPT2_PIECES} == GPT2_PIECES


def test_gpt2_keeps_special_tokens_whole_as_torchtext_did(gpt2: tuple[Path, Path]) -> None:
    tokenizer = transforms.GPT2BPETokenizer(*gpt2)
    more = ["ACCEPT", "DECLINE", "NO_ACTION", "WALK_10M", "WALK_60M", "<reward>"]
    first = {"unk_token": "<|endoftext|>", "additional_special_tokens": more}
    assert tokenizer.add_special_tokens(first) == 6
    assert tokenizer.add_special_tokens({**first, "sep_token": "<avail_actions>"}) == 1
    shown = {
        "<|endoftext|> and <|endoftext|> are special <|endofline|> is not!": (
            "50256 392 50256 533 2041 1279 91 437 1659 1370 91 29 318 407 0"
        ),
        "test ACCEPT <avail_actions> with DECLINE <|endoftext|> and NO_ACTION": (
            "9288 50257 50263 4480 50258 50256 392 50259"
        ),
        "<|endoftext|> WALK_60M WALK_10M <reward>": "50256 50261 50260 50262",
    }
    for text, ids in shown.items():
        assert tokenizer(text) == ids.split()
        assert tokenizer.decode(ids.split()) == text
    pieces = transforms.GPT2BPETokenizer(*gpt2, return_tokens=True)
    pieces.add_special_tokens(first)
    pieces.add_special_tokens({"additional_special_tokens": ["ACC", "<reward"]})
    assert pieces("<|endoftext|>  are\tACCEPTand") == ["<|endoftext|>", "Ġare", "ACCEPT", "and"]


def test_gpt2_refuses_what_it_does_not_know(gpt2: tuple[Path, Path]) -> None:
    tokenizer = transforms.GPT2BPETokenizer(*gpt2)
    with pytest.raises(ValueError, match=r"Key 'token' is not in the special token list: \['bos_token'"):
        tokenizer.add_special_tokens({"token": "x"})
    with pytest.raises(VocabError, match=r"encoder\.json: the piece 'Q' has no id"):
        transforms.GPT2BPETokenizer(*gpt2)(" Q")
    with pytest.raises(VocabError, match=r"encoder\.json: no piece has the id 60000"):
        tokenizer.decode(["60000"])
    assert tokenizer.decode(["47728", "245", "114"]) == "\U0001d5f6"
    with pytest.raises(UnicodeDecodeError):
        tokenizer.decode(["47728", "245", "114", "47728"])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        # Each as RE2 with torchtext's expression and its walk over white space were seen to do it.
        ("it's they'LL we're", ["it", "'s", " they", "'", "LL", " we", "'re"]),
        ("a  's", ["a", " ", " 's"]),
        ("a \n b\t", ["a", " \n", " b", "\t"]),
        ("a\n\nb", ["a", "\n", "\n", "b"]),
        ("x1²y", ["x", "1²", "y"]),
        (" ٣\u4e09Ⅷ!", [" ٣", "\u4e09", "Ⅷ", "!"]),
        ("a\u00a0b_c", ["a", "\u00a0", "b", "_", "c"]),
        ("a  \u3000", ["a", " ", " \u3000"]),
        ("a \u00a0\u00a0b", ["a", " \u00a0\u00a0", "b"]),
        ("   ", ["   "]),
        ("", []),
    ],
)
def test_gpt2_cuts_words_as_torchtext_did(text: str, words: list[str], tmp_path: Path) -> None:
    (tmp_path / "encoder.json").write_text("{}", encoding="utf-8")
    # With every pair of neighbours in these words merged, the pieces are the words.
    characters = transforms.bytes_to_unicode()
    coded = ["".join(characters[byte] for byte in word.encode()) for word in words]
    pairs = [f"{word[:i]}_{word[i]}" for word in coded for i in range(1, len(word))]
    tokenizer = transforms.GPT2BPETokenizer(
        tmp_path / "encoder.json", merges_file(tmp_path, " ".join(pairs)), return_tokens=True
    )
    assert tokenizer(text) == coded


@pytest.fixture(scope="module")
def few_merges(tmp_path_factory: pytest.TempPathFactory) -> transforms.GPT2BPETokenizer:
    folder = tmp_path_factory.mktemp("few")
    singles = list(transforms.bytes_to_unicode().values())
    ids = {piece: i for i, piece in enumerate([*singles, "ab", "Ġab", "Ġ'"])}
    (folder / "encoder.json").write_text(json.dumps(ids), encoding="utf-8")
    return transforms.GPT2BPETokenizer(folder / "encoder.json", merges_file(folder, "a_b Ġ_ab Ġ_'"))


@given(text=st.text(st.sampled_from("ab1' \n\t_!\xa0\xe9\xb2\u4e09\u2167\u3000")))
def test_every_text_comes_back_from_its_ids(text: str, few_merges: transforms.GPT2BPETokenizer) -> None:
    assert few_merges.decode(few_merges(text)) == text


def test_what_is_remembered_is_not_pickled(few_merges: transforms.GPT2BPETokenizer) -> None:
    empty = len(pickle.dumps(few_merges))
    few_merges([f"ab{i}" for i in range(200)])
    assert len(pickle.dumps(few_merges)) == empty


def test_bytes_to_unicode_is_one_to_one_and_printable() -> None:
    table = transforms.bytes_to_unicode()
    assert sorted(table) == list(range(256))
    assert len(set(table.values())) == 256
    assert all(character.isprintable() and not character.isspace() for character in table.values())
    assert (table[ord("A")], table[ord(" ")], table[0], table[0xAD]) == ("A", "Ġ", "Ā", "Ń")


CLIP_MERGES = """
i_n t_h r_e a_r e_r th_e</w> o_n o_r o_n</w> a_t e_r</w> r_o l_e i_c e_d</w> e_l o_m r_i t_i v_e</w> d_i l_a y_o
at_i yo_u</w> h_o b_u c_om c_o ar_e</w> d_o w_or g_o q_u v_er</w> j_u on_s</w> l_d</w> ti_on</w> w_n</w> c_re f_re
el_l ho_w</w> d_er f_o t_ri b_ro o_ver</w> com_m f_t</w> wor_ld</w> m_p n_or ic_k</w> in_di h_a</w> ati_ve</w>
indi_a</w> le_ft</w> do_g</w> z_y</w> ell_o</w> bro_wn</w> tri_bu co_p fo_x</w> h_ello</w> qu_ick</w> cre_ative</w>
ju_mp or_g</w> fre_der la_zy</w> cop_y go_a</w> comm_ons</w> jump_ed</w> freder_ick</w> f_n</w> at_tribu !_,</w>
"""
CLIP_IDS = """
hello</w>_3306 world</w>_1002 !,</w>_29325 how</w>_829 are</w>_631 you</w>_592 ?</w>_286
<|startoftext|>_49406 the</w>_518 quick</w>_3712 brown</w>_2866 fox</w>_3240 jumped</w>_16901
over</w>_962 lazy</w>_10753 dog</w>_1929 <|endoftext|>_49407 frederick</w>_18570 (</w>_263
fn</w>_21763 )</w>_264 nor_1062 on_521 ha</w>_1429 .</w>_269 copy_11376 left</w>_1823
creative</w>_4450 commons</w>_16653 3</w>_274 0</w>_271 attribu_24624 tion</w>_740 goa</w>_14399
-</w>_268 india</w>_1762 org</w>_5593
"""
CLIP_TEXTS = {
    "Hello World!, how are you?": "3306 1002 29325 829 631 592 286",
    "<|startoftext|> the quick brown fox jumped over the lazy dog <|endoftext|>": (
        "49406 518 3712 2866 3240 16901 962 518 10753 1929 49407"
    ),
    "Frederick (FN) Noronha. Copyleft.": "18570 263 21763 264 1062 521 1429 269 11376 1823 269",
    "Creative Commons 3.0. Attribution.": "4450 16653 274 269 271 269 24624 740 269",
    "goa-india.org": "14399 268 1762 269 5593",
}


def test_clip_gives_torchtext_s_pieces_and_ids(tmp_path: Path) -> None:
    merges = merges_file(tmp_path, CLIP_MERGES)
    encoder = tmp_path / "encoder.json"
    encoder.write_text(json.dumps(filled(CLIP_IDS, 49408)), encoding="utf-8")
    tokenizer = transforms.CLIPTokenizer(merges, encoder)
    assert tokenizer(list(CLIP_TEXTS)) == [ids.split() for ids in CLIP_TEXTS.values()]
    assert pickle.loads(pickle.dumps(tokenizer))(" HOW\n") == ["829"]
    pieces = transforms.CLIPTokenizer(str(merges), str(encoder), return_tokens=True)
    assert pieces("Noronha's 10!") == ["nor", "on", "ha</w>", "'", "s</w>", "1</w>", "0</w>", "!</w>"]


def test_clip_s_ids_follow_from_its_merges(tmp_path: Path) -> None:
    merges = merges_file(tmp_path, CLIP_MERGES)
    pairs = CLIP_MERGES.split()
    tokenizer = transforms.CLIPTokenizer(merges, num_merges=len(pairs))
    assert tokenizer("! how <|startoftext|> <|endoftext|>") == [
        "256",  # the first of the characters that end a word
        str(512 + pairs.index("ho_w</w>")),
        str(512 + len(pairs)),
        str(512 + len(pairs) + 1),
    ]
    # Without a number the empty line at the end of the file counts, too, as in torchtext.
    assert transforms.CLIPTokenizer(merges)("<|startoftext|>") == [str(512 + len(pairs) + 1)]
    assert transforms.CLIPTokenizer(merges, num_merges=1, return_tokens=True)("the in") == [
        "t",
        "h",
        "e</w>",
        "i",
        "n</w>",
    ]


def char_files(folder: Path) -> tuple[Path, Path]:
    merges = merges_file(folder, "t_o to_r tor_c torc_h</w> p_y s_o</w> <_pad>")
    ids = ["<unk>", "<pad>", "py", "torch</w>", "so</w>", "a</w>", "a", "<", "torc", "h", "s", "o", "to"]
    (folder / "encoder.json").write_text(
        json.dumps({piece: i for i, piece in enumerate(ids)}), encoding="utf-8"
    )
    return folder / "encoder.json", merges


def test_char_bpe_merges_characters_and_marks_the_end_of_words(tmp_path: Path) -> None:
    files = char_files(tmp_path)
    pieces = transforms.CharBPETokenizer(*files, suffix="</w>", return_tokens=True)
    assert pieces("pytorch so a") == ["py", "torch</w>", "so</w>", "a</w>"]
    assert pieces(["a", " so\n"]) == [
        ["a</w>"],
        ["s", "o", "\n</w>"],
    ]  # a line feed belongs to its word, as in torchtext
    bare = transforms.CharBPETokenizer(*files, return_tokens=True)
    assert bare("torch so") == ["torc", "h", "s", "o"]
    ids = transforms.CharBPETokenizer(*files, suffix="</w>")
    assert ids("pytorch so a") == [2, 3, 4, 5]
    assert ids.vocab_size == 13
    assert ids.decode([2, 3, 4]) == "pytorch so "
    assert transforms.CharBPETokenizer(*files).decode([2, 6]) == "py a"
    assert pickle.loads(pickle.dumps(ids))(["so"]) == [[4]]


def test_char_bpe_has_special_and_unknown_tokens(tmp_path: Path) -> None:
    files = char_files(tmp_path)
    tokenizer = transforms.CharBPETokenizer(
        *files, suffix="</w>", unk_token="<unk>", special_tokens=["<pad>"]
    )
    assert tokenizer("<pad> a xa") == [1, 5, 0, 5]
    assert tokenizer.decode([5, 99]) == "a <unk>"
    strict = transforms.CharBPETokenizer(*files, suffix="</w>")
    with pytest.raises(VocabError, match=r"encoder\.json: the piece 'x' has no id there"):
        strict("xa")
    with pytest.raises(VocabError, match=r"encoder\.json: no piece has the id 99 there"):
        strict.decode([99])
    with pytest.raises(RuntimeError, match="Unknown token <none> not found in encoder"):
        transforms.CharBPETokenizer(*files, unk_token="<none>")
    with pytest.raises(RuntimeError, match="Special token <none> not found in encoder"):
        transforms.CharBPETokenizer(*files, special_tokens=["<none>"])


def test_the_last_merge_counts_without_a_line_feed_behind_it(tmp_path: Path) -> None:
    encoder, merges = char_files(tmp_path)
    merges.write_text("#version\nt o\np y", encoding="utf-8")
    assert transforms.CharBPETokenizer(encoder, merges, return_tokens=True)("py") == ["py"]


@given(word=st.text(st.sampled_from("abc"), min_size=1, max_size=9), seed=st.integers(0, 999))
@example(word="aaaa", seed=0)
def test_every_merge_takes_the_best_pair_everywhere_first(word: str, seed: int) -> None:
    shuffler = random.Random(seed)
    pairs = [(a, b) for a in ("a", "b", "ab", "aa") for b in ("a", "b", "c", "aa")]
    pairs = shuffler.sample(pairs, 6)

    def by_hand(pieces: list[str]) -> list[str]:
        for pair in pairs:
            for i in range(len(pieces) - 1):
                if (pieces[i], pieces[i + 1]) == pair:
                    joined: list[str] = []
                    rest = pieces
                    while rest:
                        size = 2 if tuple(rest[:2]) == pair else 1
                        joined.append("".join(rest[:size]))
                        rest = rest[size:]
                    return by_hand(joined)
        return pieces

    merges = Merges(pairs)
    assert list(merges(word)) == by_hand(list(word)) == list(merges(word))


BERT_IDS = """
[UNK]_100 [CLS]_101 hello_7592 world_2088 !_999 ,_1010 how_2129 are_2024 you_2017 ?_1029 ¿_1094
res_24501 ##pu_14289 ##bl_16558 ##ica_5555 superior_6020 ##em_6633 av_20704 ##di_4305 ##ja_3900
vr_27830 ##sa_3736 ##jevic_26782 in_1999 [_1031 un_4895 ##k_2243 ]_1033 hi_7632 cl_18856
##s_2015 testing_5604 words_2616 sep_19802
"""
BERT_TEXTS = {
    "Hello World!, how are you?": "7592 2088 999 1010 2129 2024 2017 1029",
    "Hélló  WoŕlḊ¿": "7592 2088 1094",
    "Respublica superiorem": "24501 14289 16558 5555 6020 6633",
    "Avdija Vršajević în": "20704 4305 3900 27830 3736 26782 1999",
    " \tHeLLo!how  \n Are yoU? [UNK]": "7592 999 2129 2024 2017 1029 1031 4895 2243 1033",
    "hi world [UNK] [CLS]": "7632 2088 1031 4895 2243 1033 1031 18856 2015 1033",
    "testing, [UNK] words! [SEP]": "5604 1010 1031 4895 2243 1033 2616 999 1031 19802 1033",
}
BERT_TEXTS_WHOLE = {
    " \tHeLLo!how  \n Are yoU? [UNK]": "7592 999 2129 2024 2017 1029 100",
    "hi world [UNK] [CLS]": "7632 2088 100 101",
    "testing, [UNK] words! [SEP]": "5604 1010 100 2616 999 1031 19802 1033",
}


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pieces = sorted(filled(BERT_IDS, 30522).items(), key=lambda item: item[1])
    path = tmp_path_factory.mktemp("bert") / "vocab.txt"
    path.write_text("".join(f"{piece}\n" for piece, _ in pieces), encoding="utf-8")
    return path


def test_bert_gives_torchtext_s_pieces_and_ids(bert: Path) -> None:
    tokenizer = transforms.BERTTokenizer(str(bert))
    ids = [written.split() for written in BERT_TEXTS.values()]
    assert tokenizer(list(BERT_TEXTS)) == ids
    assert [tokenizer(text) for text in BERT_TEXTS] == ids
    assert pickle.loads(pickle.dumps(tokenizer))(list(BERT_TEXTS)) == ids
    pieces = transforms.BERTTokenizer(bert, return_tokens=True)
    assert pieces("Respublica superiorem") == ["res", "##pu", "##bl", "##ica", "superior", "##em"]


def test_bert_leaves_words_whole_that_are_never_split(bert: Path) -> None:
    tokenizer = transforms.BERTTokenizer(bert, never_split=["[UNK]", "[CLS]"])
    for text, ids in {**BERT_TEXTS, **BERT_TEXTS_WHOLE}.items():
        assert tokenizer(text) == ids.split()


def bert_of(folder: Path, pieces: list[str], **options: Any) -> transforms.BERTTokenizer:
    (folder / "vocab.txt").write_text("\n".join(["[UNK]", *pieces]) + "\n", encoding="utf-8")
    return transforms.BERTTokenizer(folder / "vocab.txt", return_tokens=True, **options)


@pytest.mark.parametrize(
    ("options", "text", "pieces"),
    [
        ({}, "Ééßİ", ["e", "##e", "##ß", "##i"]),
        ({}, "EΣ", ["e", "##σ"]),
        ({"do_lower_case": False}, "Éé", ["É", "##é"]),
        ({"do_lower_case": False, "strip_accents": True}, "Éé", ["E", "##e"]),
        ({"strip_accents": False}, "Éé", ["é", "##é"]),  # torchtext stripped them all the same
        ({}, "\u4e09\u8c48e", ["\u4e09", "\u8c48", "e"]),  # each ideograph is a word
        ({}, "e\u00a0e\u3000e\te\r\ne", ["e"] * 5),
        ({}, "e\u200b\x00\ufffde", ["e", "##e"]),  # format and control characters vanish
        ({}, "e\u3002\u00bfe", ["e", "\u3002", "\u00bf", "e"]),
        ({}, "e" * 100, ["e"] + ["##e"] * 99),
        ({}, "e" * 101, ["[UNK]"]),
        ({}, "e\u00df" * 34, ["[UNK]"]),  # more than 100 bytes
        ({}, "e\u0416e", ["[UNK]"]),  # a part that is unknown makes the word unknown
        ({}, "", []),
        ({}, " \n ", []),
    ],
)
def test_bert_cleans_and_cuts_as_torchtext_did(
    options: dict[str, Any], text: str, pieces: list[str], tmp_path: Path
) -> None:
    known = ["e", "E", "é", "É", "\u4e09", "\u8c48", "\u3002", "\u00bf", "##e", "##é", "##ß", "##i", "##σ"]
    assert bert_of(tmp_path, known, **options)(text) == pieces


def test_bert_s_ids_are_line_numbers(tmp_path: Path) -> None:
    bert_of(tmp_path, ["a", "", "b", "a", "c"])
    tokenizer = transforms.BERTTokenizer(tmp_path / "vocab.txt")
    assert tokenizer("a b c") == [
        "1",
        "3",
        "4",
    ]  # an empty line counts, a second "a" does not, as in torchtext
    (tmp_path / "vocab.txt").write_bytes(b"[UNK]\r\na\r\n\xe2\x80\xa8\r\nb")
    assert transforms.BERTTokenizer(tmp_path / "vocab.txt")("a b") == ["1", "3"]  # U+2028 ends no line
    (tmp_path / "vocab.txt").write_text("a\nb\n", encoding="utf-8")
    with pytest.raises(VocabError, match=r"vocab\.txt: the piece \[UNK\] is missing"):
        transforms.BERTTokenizer(tmp_path / "vocab.txt")


@pytest.fixture(scope="module")
def few_pieces(tmp_path_factory: pytest.TempPathFactory) -> transforms.BERTTokenizer:
    return bert_of(tmp_path_factory.mktemp("few"), FEW)


FEW = ["a", "b", "ab", "aba", ",", "e", "##a", "##b", "##ba", "##bab", "##e", "\u4e09"]


@given(words=st.lists(st.text(st.sampled_from("abe"), min_size=1, max_size=9)))
def test_every_word_is_cut_into_the_longest_pieces(
    words: list[str], few_pieces: transforms.BERTTokenizer
) -> None:
    expected: list[str] = []
    for word in words:
        rest, mark = word, ""
        while rest:
            fitting = [
                piece for piece in FEW if piece.startswith(mark) and rest.startswith(piece[len(mark) :])
            ]
            longest = max(fitting, key=len)
            expected.append(longest)
            rest, mark = rest[len(longest) - len(mark) :], "##"
    assert few_pieces(" ".join(words)) == expected


@given(text=st.text(st.sampled_from("abAB ,!\xc9\u4e09\u0301\n\u200b"), max_size=12))
def test_every_text_has_the_pieces_of_its_parts(text: str, few_pieces: transforms.BERTTokenizer) -> None:
    pieces = [piece for part in text.split() for piece in few_pieces(part)]
    assert few_pieces(text) == pieces == few_pieces(f"\n{text}\u3000") == few_pieces(text.upper())


# Files of tokenizers

FILES: list[Callable[[str], nn.Module]] = [
    lambda name: transforms.GPT2BPETokenizer(name, name),
    transforms.CLIPTokenizer,
    lambda name: transforms.CharBPETokenizer(name, name),
    transforms.BERTTokenizer,
    transforms.SentencePieceTokenizer,
]


@pytest.mark.parametrize("make", FILES)
def test_a_url_is_never_followed(make: Callable[[str], nn.Module]) -> None:
    with pytest.raises(
        NotFoundError, match=r"^http://x\.org/vocab\.txt: a transform downloads nothing.*Fetch it once"
    ):
        make("http://x.org/vocab.txt")


@pytest.mark.parametrize("make", FILES)
def test_a_file_that_is_not_there_is_named(make: Callable[[str], nn.Module], tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nosuch\.txt: there is no such file"):
        make(str(tmp_path / "nosuch.txt"))


@pytest.mark.parametrize("given", [1, None, ["a", 1], {"a"}])
def test_tokenizers_take_a_text_or_a_list_of_texts(given: object, bert: Path) -> None:
    with pytest.raises(
        TypeError, match=r"^Input type not supported: BERTTokenizer takes a str or a list of str"
    ):
        transforms.BERTTokenizer(bert)(given)
