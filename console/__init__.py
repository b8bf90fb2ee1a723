"""The pages from which everything is seen, started, repeated and steered.

data/     what pages show, as plain values: no web framework      access/   who may do what
texts/    every sentence, in English and in Turkish                widgets/  what pages are made of
pages/    one module a page                                        api/      the same data as JSON
"""
