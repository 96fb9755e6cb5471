<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="en_US" sourcelanguage="en">
<context>
    <name>Cards</name>
    <message numerus="yes">
        <source>%n more in the inbox</source>
        <translation>
            <numerusform>%n more in the inbox</numerusform>
            <numerusform>%n more in the inbox</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>Prompt</name>
    <message numerus="yes">
        <source>More than %n files cannot be attached.</source>
        <translation>
            <numerusform>More than %n file cannot be attached.</numerusform>
            <numerusform>More than %n files cannot be attached.</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>Transcript</name>
    <message numerus="yes">
        <source>%n more characters</source>
        <translation>
            <numerusform>%n more character</numerusform>
            <numerusform>%n more characters</numerusform>
        </translation>
    </message>
</context>
</TS>
