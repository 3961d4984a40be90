# Values for machines that skip: a declared distribution changes them, not the static ones; mistakes
# are one line.
run() { "$BIN"/pare-sim run lenet5 -b 6 "$@" | sed -n '/^machine/,$p'; }
run -m stripes -m pragmatic -m bitwave
run -m stripes -m pragmatic -m bitwave --values laplace,seed=3,spread=0.05
"$BIN"/pare-sim run lenet5 -m pragmatic --values uniform -j | sed -n 's/.*"total":true.*\("values":"[^"]*"\).*/\1/p'
"$BIN"/pare-sim run lenet5 -m pragmatic --csv - | sed -n '/^# values/p'
"$BIN"/pare-sim run lenet5 -m pragmatic --values laplace,sed=1
echo "status $?"
"$BIN"/pare-sim run lenet5 -m pragmatic --values no_such_folder
echo "status $?"
mkdir run
echo "layer,kind,bits,signed,scale,offset,file
conv1,activation,6,0,0.5,0,acts/conv1.npy" >run/tensors.csv
"$BIN"/pare-sim run lenet5 -b 6 -m pragmatic --values run
echo "status $?"
"$BIN"/pare-sim run lenet5 -b 5 -m pragmatic --values run
echo "status $?"
"$BIN"/pare-sim run lenet5 -b 6 -m stripes -m bitwave --values run
echo "status $?"
cp "$SRC/sim/machines/pragmatic.machine.yaml" own.machine.yaml
"$BIN"/pare-sim run lenet5 -m own.machine.yaml -s "values=''"
echo "status $?"
"$BIN"/pare-sim run lenet5 -m stripes -s memory.packing=group
echo "status $?"
