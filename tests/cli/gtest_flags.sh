# test programs answer GoogleTest's flags: list, filter, XML, an unknown argument
T=$BIN/../tests/test_traces_schema
cd "$SRC"
"$T" --gtest_list_tests
"$T" --gtest_filter='Schema.a_*:Schema.the_*-*reference*' --gtest_output=xml:"$OLDPWD/out.xml" | sed 's/([0-9]* ms)/(N ms)/'
sed -E 's/file="[^"]*"/file=""/; s/line="[0-9]+"/line=""/; s/time="[^"]*"/time=""/' "$OLDPWD/out.xml"
GTEST_TOTAL_SHARDS=2 GTEST_SHARD_INDEX=1 "$T" | grep -c 'OK'
"$T" --help | head -n 1
"$T" --unknown 2>&1 | sed "s,^.*test_,test_,"
"$T" --unknown 2>/dev/null; echo "exit status $?"
